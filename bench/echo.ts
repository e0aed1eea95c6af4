/**
 * Loaded into a client with `--import`: names the CRC-64 that the client has computed of each body in a request header,
 * so that the sink need not compute it again. The client's own work stays what it is.
 */
import { CRC_HEADER } from '../src/commands/bench/sink-conversation.js';
import { Crc64 } from '../src/crypto/crc64.js';
import type { Errand } from '../src/store/transport-connection.js';
import { Connections } from '../src/store/transport-connections.js';

/** By the memory that a body begins in: a buffer is not used again before its request has ended. */
const known = new WeakMap<ArrayBufferLike, Map<number, bigint>>();

const { digestOf } = Crc64.prototype as { readonly digestOf: (this: Crc64, data: Uint8Array) => bigint };
Crc64.prototype.digestOf = function remembered(this: Crc64, data: Uint8Array): bigint {
  const crc64 = digestOf.call(this, data);
  const places = known.get(data.buffer) ?? new Map<number, bigint>();
  known.set(data.buffer, places.set(data.byteOffset, crc64));
  return crc64;
};

const { run } = Connections.prototype as { readonly run: (this: Connections, errand: Errand) => void };
Connections.prototype.run = function named(this: Connections, errand: Errand): void {
  const { head, args: { content } } = errand;
  const crc64 = content === undefined ? undefined : known.get(content.buffer)?.get(content.byteOffset);
  run.call(this, crc64 === undefined ? errand : { ...errand, head: `${head.slice(0, -2)}${CRC_HEADER}: ${crc64}\r\n\r\n` });
};
