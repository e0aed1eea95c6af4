import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_PACK_BYTES } from '../limits.js';

export interface Place {
  /** Name of the pack. */
  readonly pack: string;
  /** Of the first byte. */
  readonly offset: number;
}

interface Open extends Place {
  readonly descriptor: number;
}

/**
 * Files that hold many small objects each, one after the other: making a file costs fifty times what appending does. A
 * pack goes when its last object does; the gaps between the others stay until then.
 */
export class Packs {
  readonly #directory: string;
  readonly #objects = new Map<string, number>();
  #lastNumber = 0;
  #open: Open | undefined;

  /** Removes packs that hold no object. @param objects how many objects each pack holds */
  constructor(directory: string, objects: ReadonlyMap<string, number>) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const pack of readdirSync(directory)) {
      this.#lastNumber = Math.max(this.#lastNumber, Number.parseInt(pack, 16));
      if (!objects.has(pack)) {
        rmSync(this.pathOf(pack), { force: true });
      }
    }
    objects.forEach((count, pack) => this.#objects.set(pack, count));
  }

  pathOf(pack: string): string {
    return join(this.#directory, pack);
  }

  /** 0 for a pack that is gone. */
  sizeOf(pack: string): number {
    return statSync(this.pathOf(pack), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Writes the bytes of an object that nobody can see yet: {@link hold} follows, or they are a gap. */
  append(bytes: Uint8Array): Place {
    const { pack, offset, descriptor } = this.#writable();
    try {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(descriptor, bytes, written);
      }
    } catch (error) {
      // What arrived of them is a gap of unknown length: the next object goes elsewhere.
      this.close();
      throw error;
    }
    this.#open = { pack, offset: offset + bytes.length, descriptor };
    return { pack, offset };
  }

  hold(pack: string): void {
    this.#objects.set(pack, (this.#objects.get(pack) ?? 0) + 1);
  }

  /** @returns whether the pack holds nothing any more; then nothing will be appended to it either */
  release(pack: string): boolean {
    const left = (this.#objects.get(pack) ?? 0) - 1;
    this.#objects.set(pack, left);
    if (left > 0) {
      return false;
    }
    this.#objects.delete(pack);
    if (this.#open?.pack === pack) {
      this.close();
    }
    return true;
  }

  close(): void {
    if (this.#open !== undefined) {
      closeSync(this.#open.descriptor);
      this.#open = undefined;
    }
  }

  #writable(): Open {
    if (this.#open !== undefined && this.#open.offset >= LOCAL_PACK_BYTES) {
      this.close();
    }
    return (this.#open ??= this.#next());
  }

  /** The last pack while there is room in it, so that many short sessions do not leave as many files. */
  #next(): Open {
    const last = nameOf(this.#lastNumber);
    const room = this.#objects.has(last) && this.sizeOf(last) < LOCAL_PACK_BYTES;
    this.#lastNumber += room ? 0 : 1;
    const pack = nameOf(this.#lastNumber);
    const descriptor = openSync(this.pathOf(pack), 'a', 0o600);
    return { pack, offset: fstatSync(descriptor).size, descriptor };
  }
}

function nameOf(number: number): string {
  return number.toString(16).padStart(8, '0');
}
