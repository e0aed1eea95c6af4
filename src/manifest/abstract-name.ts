import { createServer, type Server } from 'node:net';
import { errnoOf } from './files.js';

export type HeldName =
  | { readonly kind: 'held'; release(): Promise<void> }
  /** By another process, or by this one. */
  | { readonly kind: 'taken' }
  /** The system has no such names, or forbids them here. */
  | { readonly kind: 'unavailable' };

/**
 * Holds a Linux abstract socket name: only one process of a network namespace can, and the kernel frees it the moment
 * that process dies, SIGKILL included. Does not keep the process alive. At most 106 characters.
 */
export async function holdName(name: string): Promise<HeldName> {
  const server = createServer((connection) => connection.destroy());
  server.unref();
  try {
    await listen(server, `\0${name}`);
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
