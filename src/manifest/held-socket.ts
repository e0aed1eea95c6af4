import { createServer, type Server } from 'node:net';
import { errnoOf } from './files.js';

export type HeldSocket =
  | { readonly kind: 'held'; release(): Promise<void> }
  /** By another process, or by this one. */
  | { readonly kind: 'taken' }
  /** The system has no such addresses, or forbids them here. */
  | { readonly kind: 'unavailable' };

/**
 * Holds a socket address. A Linux abstract one (a NUL and up to 106 characters) belongs to one process of a network
 * namespace at a time, and the kernel frees it the moment that process dies, SIGKILL included. Does not keep the process
 * alive.
 */
export async function holdSocket(address: string): Promise<HeldSocket> {
  const server = createServer((connection) => connection.destroy());
  server.unref();
  try {
    await listen(server, address);
  } catch (error) {
    return { kind: errnoOf(error) === 'EADDRINUSE' ? 'taken' : 'unavailable' };
  }
  return { kind: 'held', release: () => closed(server) };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, resolve);
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
