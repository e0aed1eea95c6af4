import { hash } from 'node:crypto';
import type { EncodedPath } from '../types.js';

/** Latin1 characters, that is bytes, of the digest that stands for a path: 120 bits make false matches a theory. */
const DIGEST_LENGTH = 15;

/** A set of paths that keeps about 60 bytes of each, however long they are. */
export class SeenPaths {
  readonly #digests = new Set<string>();

  add(path: EncodedPath): void {
    this.#digests.add(digestOf(path));
  }

  has(path: EncodedPath): boolean {
    return this.#digests.has(digestOf(path));
  }
}

function digestOf(path: EncodedPath): string {
  return hash('sha256', path, 'binary').slice(0, DIGEST_LENGTH);
}
