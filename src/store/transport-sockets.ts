import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type SecureContext } from 'node:tls';
import { hostOf, portOf } from './endpoint.js';

/** How an origin is spoken with. */
export interface Route {
  readonly origin: URL;
  readonly secureContext: SecureContext | undefined;
  /** The last TLS session, for the next handshake. */
  readonly session: Buffer | undefined;
}

/** A socket straight to the origin: what arrives goes into the buffers of `onread`. `onOpen` is called once it can be written to. */
export function openDirectly(route: Route, onread: OnReadOpts, onOpen: () => void): Socket {
  const where = { host: hostOf(route.origin), port: portOf(route.origin), onread };
  const socket = isSecure(route) ? connectTls({ ...where, ...securityOf(route) }, onOpen) : connectTcp(where, onOpen);
  return socket.setNoDelay(true).setKeepAlive(true);
}

/** The same over a tunnel to the origin, with events instead of buffers: TLS over another socket takes none. */
export function openThrough(tunnel: Socket, route: Route, onOpen: () => void): Socket {
  if (isSecure(route)) {
    return connectTls({ socket: tunnel, host: hostOf(route.origin), ...securityOf(route) }, onOpen);
  }
  // When the caller has the socket.
  process.nextTick(onOpen);
  return tunnel;
}

function isSecure({ origin }: Route): boolean {
  return origin.protocol === 'https:';
}

function securityOf({ origin, secureContext, session }: Route): ConnectionOptions {
  const host = hostOf(origin);
  return {
    servername: isIP(host) === 0 ? host : '',
    // Said explicitly, it outranks NODE_TLS_REJECT_UNAUTHORIZED.
    rejectUnauthorized: true, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'],
    ...(secureContext === undefined ? {} : { secureContext }), ...(session === undefined ? {} : { session }),
  };
}
