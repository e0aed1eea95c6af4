import { once } from 'node:events';
import { resolve } from 'node:path';
import type { LocalCloud } from '../local/cloud.js';
import { openRequestLogFile, startLocalCloud } from '../local/cloud.js';
import { escapeForTerminal } from '../report/escape.js';
import { parseCount, parseText } from '../values.js';
import { LOCAL_DATA } from './session.js';

/** What the command needs of the process around it. */
export interface LocalContext {
  /** Absolute. */
  readonly cwd: string;
  readonly stdout: { write: (text: string) => unknown };
  readonly signal: () => AbortSignal;
}

const PORTS = { min: 0, max: 65_535 };

/** Serves until the signal, then frees the data directory. Being stopped is how this command ends well: exit code 0. */
export async function runLocal(context: LocalContext, flags: Readonly<Record<string, unknown>>): Promise<void> {
  const signal = context.signal();
  const dataDirectory = resolve(context.cwd, parseText('--data', flags['data'] ?? LOCAL_DATA));
  const port = parseCount('--port', flags['port'] ?? '0', PORTS);
  const kmsPort = parseCount('--kms-port', flags['kms-port'] ?? '0', PORTS);
  const file = flags['request-log'];
  const requests = file === undefined ? undefined : openRequestLogFile(resolve(context.cwd, parseText('--request-log', file)));
  try {
    const cloud = await startLocalCloud({ dataDirectory, port, kmsPort, log: requests?.log });
    context.stdout.write(flags['json'] === true ? machineReadable(cloud) : manual(cloud, dataDirectory));
    await aborted(signal);
    await cloud.close();
  } finally {
    requests?.close();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await once(signal, 'abort');
  }
}

function machineReadable({ oss, kms, accessKeyId, accessKeySecret }: LocalCloud): string {
  return `${JSON.stringify({ oss, kms, accessKeyId, accessKeySecret })}\n`;
}

function manual({ oss, kms, accessKeyId, accessKeySecret }: LocalCloud, dataDirectory: string): string {
  return `OSS and KMS are running, for this machine only. Ctrl-C stops them; objects and keys stay.

  data   ${escapeForTerminal(dataDirectory)}
  OSS    ${oss.endpoint}   region ${oss.region}   bucket ${oss.bucket}
  KMS    ${kms.endpoint}   key ${kms.keyId}

In another terminal:

  export OSS_ENDPOINT=${oss.endpoint} OSS_REGION=${oss.region}
  export OSS_ACCESS_KEY_ID=${accessKeyId}
  export OSS_ACCESS_KEY_SECRET=${accessKeySecret}
  sealift keys create master.key
  sealift push ./photos oss://${oss.bucket}/photos --key master.key
`;
}
