/** A transport on a server that answers exactly what it is told to. */
import assert from 'node:assert/strict';
import { StoreError } from '../../src/errors.js';
import { createTransport } from '../../src/store/transport.js';
import type { Transport, TransportArguments, TransportOptions } from '../../src/store/transport.js';
import { serve } from './raw-server.js';
import type { RawServer, Respond } from './raw-server.js';

export const ctx = { object: 'oss://b/k' };
export const put: TransportArguments = { method: 'PUT', headers: ['x-oss-meta-a', 'b'], content: Buffer.from('body'), ctx };
export const get: TransportArguments = { method: 'GET', headers: [], ctx };
export const stream: TransportArguments = { ...get, customResponse: true };

export async function over(respond: Respond, test: (transport: Transport, server: RawServer, url: string) => Promise<void>, options: Partial<TransportOptions> = {}): Promise<void> {
  const server = await serve(respond);
  const origin = `http://127.0.0.1:${server.port}`;
  const transport = createTransport({ origin, connections: 2, ...options });
  try {
    await test(transport, server, `${origin}/b/k`);
  } finally {
    await transport.close();
    await server.close();
  }
}

export async function failureOf(promise: Promise<unknown>): Promise<StoreError> {
  const error: unknown = await promise.then(() => assert.fail('expected a failure'), (reason: unknown) => reason);
  assert.ok(error instanceof StoreError, String(error));
  return error;
}
