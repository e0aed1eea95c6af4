import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import OSS from 'ali-oss';
import { type LocalCloud, type LocalCloudOptions, type RequestRecord, startLocalCloud } from '../../src/local/cloud.js';

export interface Running {
  readonly cloud: LocalCloud;
  readonly dataDirectory: string;
  readonly records: RequestRecord[];
  /** The record that is logged next. */
  readonly nextRecord: () => Promise<RequestRecord>;
}

/** A directory that goes when the test ends. */
export function temporaryDirectory(test: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sealift-local-'));
  test.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A cloud with small parts and a request log, stopped when the test ends. */
export async function startCloud(test: TestContext, options: Partial<LocalCloudOptions> = {}): Promise<Running> {
  const dataDirectory = options.dataDirectory ?? temporaryDirectory(test);
  const records: RequestRecord[] = [];
  const logged = new EventEmitter();
  const log = (record: RequestRecord): void => {
    records.push(record);
    logged.emit('record', record);
  };
  const cloud = await startLocalCloud({ bucket: 'b-1', minPartBytes: 16, log, ...options, dataDirectory });
  test.after(() => cloud.close());
  const nextRecord = async () => (await once(logged, 'record') as [RequestRecord])[0];
  return { cloud, dataDirectory, records, nextRecord };
}

interface ClientOptions {
  readonly v1?: boolean;
  readonly endpoint?: string;
  readonly bucket?: string;
  readonly region?: string;
  readonly secret?: string;
  readonly sldEnable?: boolean;
  readonly token?: { accessKeyId: string; accessKeySecret: string; securityToken: string };
}

/** The real SDK. Its typings know neither path style nor the calls that only its later versions have. */
export function aliOss(cloud: Pick<LocalCloud, 'oss' | 'accessKeyId' | 'accessKeySecret'>, options: ClientOptions = {}): OSS {
  const { token } = options;
  const settings = {
    accessKeyId: token?.accessKeyId ?? cloud.accessKeyId,
    accessKeySecret: token?.accessKeySecret ?? options.secret ?? cloud.accessKeySecret,
    ...(token === undefined ? {} : { stsToken: token.securityToken }),
    endpoint: options.endpoint ?? cloud.oss.endpoint,
    region: options.region ?? `oss-${cloud.oss.region}`,
    bucket: options.bucket ?? cloud.oss.bucket,
    authorizationV4: options.v1 !== true,
    sldEnable: options.sldEnable ?? true,
  };
  return new OSS(settings);
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends bytes as they are and reads until the server closes the connection. */
export async function raw(endpoint: string, request: string | Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(endpoint);
  const received: Buffer[] = [];
  const socket = connect(Number(port), hostname);
  socket.write(request);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received.push(chunk);
  }
  const answer = Buffer.concat(received).toString('latin1');
  const [head = '', ...body] = answer.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Map(lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  return { status: Number(statusLine.split(' ')[1]), headers, body: body.join('\r\n\r\n') };
}

/** What an SDK error says of the answer. */
export function failure(error: unknown): { code: unknown; status: unknown } {
  return typeof error === 'object' && error !== null && 'code' in error && 'status' in error
    ? { code: error.code, status: error.status }
    : { code: String(error), status: undefined };
}

/** The code and the status of the answer that a promise is refused with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no refusal',
    (error: unknown) => `${String(failure(error).status)} ${String(failure(error).code)}`,
  );
}
