import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { createOssStore } from '../../src/store/oss.js';
import type { OssConfig, OssPorts } from '../../src/store/oss.js';
import type { ObjectStore } from '../../src/store/store.js';

export interface SeenRequest {
  readonly method: string;
  /** As it stood in the request line. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Bytes to answer with, or nothing when the handler deals with the socket itself. */
export type Respond = (request: SeenRequest, socket: Socket, index: number) => Buffer | string | undefined;

export interface RawServer {
  readonly port: number;
  readonly requests: readonly SeenRequest[];
  readonly connections: () => number;
  close(): Promise<void>;
}

/** A server that answers exactly the bytes it is told to: every fault of a network can be written down. */
export async function serve(respond: Respond, host = '127.0.0.1'): Promise<RawServer> {
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    readRequests(socket, (request) => {
      requests.push(request);
      const bytes = respond(request, socket, requests.length - 1);
      if (bytes !== undefined && !socket.destroyed) {
        socket.write(bytes);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    connections: () => connections,
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export function answer(status: number, headers: Readonly<Record<string, string | number>> = {}, body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body);
  const lines = Object.entries({ 'content-length': bytes.length, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`, 'latin1'), bytes]);
}

export function errorDocument(code: string, message = 'said the server', extra = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>REQ1</RequestId><HostId>h</HostId><EC>0042-1</EC>${extra}</Error>`;
}

export const SECRETS = { accessKeyId: 'CanaryKeyId0001', accessKeySecret: 'CanarySecret0002', securityToken: 'CanaryToken0003' };

export async function openStore(server: RawServer, ports: OssPorts = {}, config: Partial<OssConfig> = {}): Promise<ObjectStore> {
  const endpoint = `http://127.0.0.1:${server.port}`;
  return createOssStore({ bucket: 'b-1', region: 'cn-hangzhou', endpoint, credentials: SECRETS, connections: 4, ...config }, ports);
}

/** Opens a store on a scripted server, runs the test, and frees both whatever happens. */
export async function withServer(respond: Respond, test: (store: ObjectStore, server: RawServer) => Promise<void>, ports: OssPorts = {}): Promise<void> {
  const server = await serve(respond);
  const store = await openStore(server, ports);
  try {
    await test(store, server);
  } finally {
    await store.close();
    await server.close();
  }
}

/** A promise and the function that fulfils it. */
export function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = (): void => assert.fail('opened too early');
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open: () => open() };
}

function readRequests(socket: Socket, onRequest: (request: SeenRequest) => void): void {
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const end = pending.indexOf('\r\n\r\n');
      if (end === -1) {
        return;
      }
      const [first = '', ...lines] = pending.subarray(0, end).toString('latin1').split('\r\n');
      const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
      const total = end + 4 + Number(headers['content-length'] ?? 0);
      if (pending.length < total) {
        return;
      }
      const [method = '', path = ''] = first.split(' ');
      onRequest({ method, path, headers, body: Buffer.from(pending.subarray(end + 4, total)) });
      pending = pending.subarray(total);
    }
  });
}
