/**
 * Loaded into a client with `--import`: names the CRC-64 that the client has computed of each body in a request header,
 * so that the sink need not compute it again. The client's own work stays what it is.
 */
import Pool from 'undici/lib/dispatcher/pool.js';
import type { Dispatcher } from 'undici';
import { CRC_HEADER } from '../src/commands/bench/sink-conversation.js';
import { Crc64 } from '../src/crypto/crc64.js';

/** By the memory that a body begins in: a buffer is not used again before its request has ended. */
const known = new WeakMap<ArrayBufferLike, Map<number, bigint>>();

const { digestOf } = Crc64.prototype as { readonly digestOf: (this: Crc64, data: Uint8Array) => bigint };
Crc64.prototype.digestOf = function remembered(this: Crc64, data: Uint8Array): bigint {
  const crc64 = digestOf.call(this, data);
  const places = known.get(data.buffer) ?? new Map<number, bigint>();
  known.set(data.buffer, places.set(data.byteOffset, crc64));
  return crc64;
};

const { dispatch } = Pool.prototype as { readonly dispatch: (this: Dispatcher, ...args: Parameters<Dispatcher['dispatch']>) => boolean };
Pool.prototype.dispatch = function named(this: Dispatcher, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
  const { start, body } = peeked(options.body);
  const crc64 = start === undefined ? undefined : known.get(start.buffer)?.get(start.byteOffset);
  const headers = crc64 === undefined ? options.headers : [...(options.headers as readonly string[]), CRC_HEADER, crc64.toString()];
  return dispatch.call(this, { ...options, headers, body } as Dispatcher.DispatchOptions, handler);
};

/** The first bytes of a body, which is either one view or slices of one. */
function peeked(body: unknown): { readonly start: Uint8Array | undefined; readonly body: unknown } {
  if (body instanceof Uint8Array) {
    return { start: body, body };
  }
  if (typeof body !== 'object' || body === null || !(Symbol.iterator in body)) {
    return { start: undefined, body };
  }
  const slices = (body as Iterable<Uint8Array>)[Symbol.iterator]();
  const first = slices.next();
  if (first.done === true) {
    return { start: undefined, body: [] };
  }
  return { start: first.value, body: chained(first.value, slices) };
}

function* chained(first: Uint8Array, rest: Iterator<Uint8Array>): Generator<Uint8Array> {
  yield first;
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    yield next.value;
  }
}
