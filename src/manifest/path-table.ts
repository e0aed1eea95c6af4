import { hash } from 'node:crypto';
import type { EncodedPath } from '../run/types.js';

const WORD_BYTES = 4;
const FIRST_SLOTS = 1 << 12;
const NO_ID = 0xffffffff;

/** The first 128 bits of a path's SHA-256, as four words. */
export type PathDigest = readonly [number, number, number, number];

export function digestPath(path: EncodedPath): PathDigest {
  const bytes = hash('sha256', path, 'binary');
  return [wordAt(bytes, 0), wordAt(bytes, 4), wordAt(bytes, 8), wordAt(bytes, 12)];
}

/**
 * Finds ids by digest: an open-addressed table of 4-byte ids, linear probing, between three and six eighths full, so 5.3
 * to 10.7 bytes per path. Ids up to 2^32 − 2.
 */
export class PathTable {
  readonly #matches: (id: number, digest: PathDigest) => boolean;
  readonly #digestOf: (id: number) => PathDigest;
  #slots = emptySlots(FIRST_SLOTS);
  #count = 0;

  /** The digests themselves are kept by the caller, by id. */
  constructor(digests: { matches: (id: number, digest: PathDigest) => boolean; digestOf: (id: number) => PathDigest }) {
    this.#matches = digests.matches;
    this.#digestOf = digests.digestOf;
  }

  find(digest: PathDigest): number | undefined {
    const mask = this.#slotCount - 1;
    let slot = digest[0] & mask;
    let id = this.#idIn(slot);
    while (id !== NO_ID && !this.#matches(id, digest)) {
      slot = (slot + 1) & mask;
      id = this.#idIn(slot);
    }
    return id === NO_ID ? undefined : id;
  }

  /** The digest must not be in the table yet, and `digestOf(id)` must give it already. */
  add(digest: PathDigest, id: number): void {
    if ((this.#count + 1) * 4 > this.#slotCount * 3) {
      this.#grow();
    }
    this.#place(digest, id);
    this.#count += 1;
  }

  get #slotCount(): number {
    return this.#slots.byteLength / WORD_BYTES;
  }

  #idIn(slot: number): number {
    return this.#slots.getUint32(slot * WORD_BYTES);
  }

  #place(digest: PathDigest, id: number): void {
    const mask = this.#slotCount - 1;
    let slot = digest[0] & mask;
    while (this.#idIn(slot) !== NO_ID) {
      slot = (slot + 1) & mask;
    }
    this.#slots.setUint32(slot * WORD_BYTES, id);
  }

  #grow(): void {
    this.#slots = emptySlots(this.#slotCount * 2);
    for (let id = 0; id < this.#count; id += 1) {
      this.#place(this.#digestOf(id), id);
    }
  }
}

/** A DataView, because its reads are numbers even under `noUncheckedIndexedAccess`. */
function emptySlots(count: number): DataView {
  return new DataView(new Uint8Array(count * WORD_BYTES).fill(0xff).buffer);
}

function wordAt(bytes: string, at: number): number {
  const low = bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8);
  return (low | (bytes.charCodeAt(at + 2) << 16) | (bytes.charCodeAt(at + 3) << 24)) >>> 0;
}
