import { connect, type Socket } from 'node:net';
import { portOf } from './endpoint.js';
import type { Proxy } from './proxy.js';
import { AnswerReader } from './transport-answers.js';
import { BrokenAnswer, ProxyRefusal, ProxyUnreachable } from './transport-failures.js';

/** Who is told what becomes of a tunnel: `opened` once, or `failed`, perhaps more than once, and then `closed`. */
export interface TunnelEvents {
  /** Whatever is read and written from now on is the origin's. The socket has no listeners left. */
  readonly opened: (tunnel: Socket) => void;
  readonly failed: (error: ProxyRefusal | ProxyUnreachable) => void;
  readonly closed: () => void;
}

/** Asks a proxy to connect to an origin (RFC 9110, 9.3.6), one of plain HTTP too: the proxy is shown nothing that is signed. */
export function openTunnel({ proxy, origin }: { readonly proxy: Proxy; readonly origin: URL }, told: TunnelEvents): Socket {
  let status = 0;
  const reader = new AnswerReader({ head: (said) => { status = said; }, data: () => undefined, end: () => undefined });
  reader.expect('CONNECT');
  const failed = (cause: unknown): void => told.failed(new ProxyUnreachable('no tunnel', { cause }));
  const ended = (): void => failed(new BrokenAnswer('the connection was closed before the answer was complete'));
  const received = (bytes: Buffer): void => {
    try {
      reader.push(bytes);
    } catch (error) {
      failed(error);
      return;
    }
    if (status >= 300) {
      told.failed(new ProxyRefusal(status, proxy.authorization !== undefined));
    } else if (status !== 0) {
      socket.off('data', received).off('end', ended).off('error', failed).off('close', told.closed);
      told.opened(socket);
    }
  };
  const socket = connect({ host: proxy.host, port: proxy.port }, () => socket.write(requestFor(origin, proxy), 'latin1'));
  return socket.on('data', received).once('end', ended).on('error', failed).once('close', told.closed).setNoDelay(true).setKeepAlive(true);
}

function requestFor(origin: URL, { authorization }: Proxy): string {
  const where = `${origin.hostname}:${portOf(origin)}`;
  return `CONNECT ${where} HTTP/1.1\r\nhost: ${where}\r\n${authorization === undefined ? '' : `proxy-authorization: ${authorization}\r\n`}\r\n`;
}
