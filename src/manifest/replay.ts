import type { FileHandle } from 'node:fs/promises';
import { SealiftError } from '../errors.js';
import { ChainCheck } from './chain.js';
import { parseLine, START, type Position } from './line.js';
import { readRawLines, type RawLine } from './raw-lines.js';
import type { ManifestLine } from './record.js';

export interface ReplayedLine {
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly record: ManifestLine;
}

/**
 * Reads a manifest from its beginning and checks chain, number and shape of every line.
 *
 * What a crash can leave behind, an unfinished or damaged end, is passed over: `position` then is the end of the last
 * good line, and everything behind it is torn. A damaged line with an intact one behind it is no crash but corruption.
 */
export class Replay {
  readonly #file: FileHandle;
  readonly #name: string;
  readonly #chain = new ChainCheck();
  #position = START;

  constructor(file: FileHandle, name: string) {
    this.#file = file;
    this.#name = name;
  }

  /** The end of the last good line so far. */
  get position(): Position {
    return this.#position;
  }

  /** @throws SealiftError `manifest-corrupt`, naming the line. */
  async *batches(): AsyncGenerator<readonly ReplayedLine[]> {
    for await (const lines of readRawLines(this.#file)) {
      yield this.#goodOnes(lines);
    }
  }

  #goodOnes(lines: readonly RawLine[]): readonly ReplayedLine[] {
    const good: ReplayedLine[] = [];
    for (const line of lines) {
      const condition = this.#chain.classify(line);
      if (condition === 'intact') {
        throw corruptManifest(this.#name, this.#position.seq + 1);
      }
      if (condition === 'follows') {
        good.push(this.#accept(line));
      }
    }
    return good;
  }

  #accept(line: RawLine): ReplayedLine {
    const record = parseLine(line.text);
    const seq = this.#position.seq + 1;
    if (record?.seq !== seq) {
      throw unknownRecord(this.#name, seq);
    }
    this.#position = { offset: line.endOffset, seq, chain: record.chain };
    return { offset: line.offset, record };
  }
}

/** `line` counts from 1. */
export function corruptManifest(name: string, line: number, cause?: unknown): SealiftError {
  return new SealiftError('manifest-corrupt', `the manifest ${name} is damaged at line ${line}`, {
    object: name,
    remedy: `run "sealift manifest repair ${name}": it keeps what can be proven and sets the original aside`,
    cause,
  });
}

/** The line was written on purpose, but by another version or by hand. */
export function unknownRecord(name: string, line: number): SealiftError {
  return new SealiftError('manifest-corrupt', `line ${line} of the manifest ${name} is no record that this version of Sealift knows`, {
    object: name,
    remedy: `use the version that wrote it, or run "sealift manifest repair ${name}", which drops the line`,
  });
}

/** Not even its first line arrived, or the file is something else. */
export function emptyManifest(name: string): SealiftError {
  return new SealiftError('manifest-corrupt', `${name} holds no run: it is no manifest, or its creation was interrupted`, {
    object: name, remedy: 'name another manifest, or delete it and start a new run',
  });
}
