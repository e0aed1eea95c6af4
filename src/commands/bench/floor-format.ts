/** Of the format, what pushes and pulls of the floor share. */
import { createHmac } from 'node:crypto';

export const KEY_HEADER = 'x-oss-meta-oss-crypto-key: ';
export const START_HEADER = 'x-oss-meta-oss-crypto-start: ';
export const NAME_HEADER = 'x-oss-meta-sealift-name: ';
export const TAG_HEADER = 'x-oss-meta-sealift-tag: ';
export const MAC_HEADER = 'x-oss-meta-sealift-mac: ';
export const COMMITMENT_HEADER = 'x-oss-meta-sealift-commitment: ';
/** Bytes 8 to 15 of a start block: the counter of the first block. */
export const COUNTER = '0000000000000002';

interface Committed {
  readonly prk: Buffer;
  readonly aad: Buffer;
  readonly tag: Buffer;
  readonly mac: Buffer;
}

export function aadOf(name: string, bytes: number): Buffer {
  return Buffer.from(`sealift/1\nname:${name}\nlength:${bytes}\nattributes:\n`);
}

export function extract(start: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', start).update(key).digest();
}

export function macKeyOf(prk: Buffer): Buffer {
  return expand(prk, 'sealift/1 mac');
}

export function commitmentOf({ prk, aad, tag, mac }: Committed): Buffer {
  return createHmac('sha256', expand(prk, 'sealift/1 commitment')).update(aad).update(tag).update(mac).digest();
}

function expand(prk: Buffer, info: string): Buffer {
  return createHmac('sha256', prk).update(`${info}\x01`).digest();
}
