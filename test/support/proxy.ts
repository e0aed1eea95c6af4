import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** What a client asked of the proxy. */
export interface SeenConnect {
  /** Host and port. */
  readonly where: string;
  readonly authorization: string | undefined;
}

export interface Proxy {
  readonly host: string;
  readonly url: string;
  /** With user and password in it. */
  readonly urlWith: (user: string, password: string) => string;
  readonly seen: readonly SeenConnect[];
  /** Ends every tunnel. */
  readonly cut: () => void;
}

export interface ProxyOptions {
  /** What to say to a CONNECT instead of connecting, if anything; empty bytes hang up. */
  readonly refuse?: (asked: SeenConnect, index: number) => string | undefined;
  /** Host and port to connect to, whatever is asked for. @default what is asked for */
  readonly to?: string;
}

/** A real HTTP proxy that knows CONNECT alone. */
export async function openProxy(t: Pick<TestContext, 'after'>, { refuse, to }: ProxyOptions = {}): Promise<Proxy> {
  const seen: SeenConnect[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    const asked = { where: request.url ?? '', authorization: request.headers['proxy-authorization'] };
    seen.push(asked);
    keep(sockets, client);
    const refusal = refuse?.(asked, seen.length - 1);
    if (refusal !== undefined) {
      client.end(refusal);
      return;
    }
    join(client, keep(sockets, connectTo(to ?? asked.where)));
  });
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    cut();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: `http://${host}`, urlWith: (user, password) => `http://${user}:${password}@${host}`, seen, cut };
}

/** Lets nobody through without these. */
export function onlyFor(user: string, password: string): NonNullable<ProxyOptions['refuse']> {
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const refusal = 'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="test"\r\ncontent-length: 2\r\n\r\nno';
  return ({ authorization }) => (authorization === expected ? undefined : refusal);
}

function connectTo(where: string): Socket {
  const at = where.lastIndexOf(':');
  return connect(Number(where.slice(at + 1)), where.slice(0, at).replace(/^\[|\]$/g, ''));
}

function join(client: Socket, server: Socket): void {
  server.once('connect', () => {
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    client.pipe(server).pipe(client);
  });
  server.on('error', () => client.destroy());
  client.on('error', () => server.destroy());
}

function keep(sockets: Set<Socket>, socket: Socket): Socket {
  sockets.add(socket);
  return socket.once('close', () => sockets.delete(socket));
}
