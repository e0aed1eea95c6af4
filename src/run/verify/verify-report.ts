import { statSync, type Stats } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { SealiftError } from '../../errors.js';
import { AtomicFile } from '../../files/atomic.js';
import { DirectoryHandle } from '../../files/directory.js';
import { writeFailure } from '../../files/errno.js';
import { KiB } from '../../limits.js';
import type { StoredFacts } from '../jobs.js';
import type { RunResult } from '../options.js';
import type { PreparedReading } from '../pull/prepare-pull.js';
import { SEALIFT_VERSION } from '../version.js';

/** What was shown about one object; of `authentic-headers` nothing else is known of the body than what the server says. */
export type Proof = 'authentic' | 'authentic-headers' | 'as-recorded' | 'equal-to-local';

export interface ReportedFile {
  readonly path: string;
  readonly key: string;
  readonly state: 'verified' | 'skipped' | 'failed';
  /** Plaintext bytes. */
  readonly bytes?: number;
  readonly proofs: readonly Proof[];
  /** An object of another SDK, which may have been changed, or opened with the wrong key; absent for all others. */
  readonly unauthenticated?: true;
  readonly stored?: StoredFacts;
  readonly code?: string;
  readonly message?: string;
}

/**
 * The record with which a migration is signed off: one JSON document with every file, its object, what was proven, and
 * totals that add up: `scanned = verified + skipped + failed`; `unauthenticated` counts those of the verified of which nothing
 * was proven but what their `proofs` say; `error` is what stopped the run. Written as it grows, under its name only when it is whole.
 */
export class VerifyReport {
  readonly #file: AtomicFile;
  #pending = '';
  #written = 0;
  #files = 0;
  #unauthenticated = 0;

  private constructor(file: AtomicFile) {
    this.#file = file;
  }

  /** @throws SealiftError `usage` for what is there and no regular file, `write-failed` when the file cannot be made. */
  static begin(path: string, { effective }: PreparedReading, manifest: string | undefined): VerifyReport {
    refuseOddFile(path);
    const directory = DirectoryHandle.open(Buffer.from(dirname(resolve(path))));
    const report = new VerifyReport(createIn(directory, path));
    const { bucket, prefix, endpoint, region } = effective;
    const head = { version: 1, sealift: SEALIFT_VERSION, startedAt: new Date().toISOString(), bucket, prefix, endpoint, region, manifest: manifest ?? null };
    report.#write(`${JSON.stringify(head).slice(0, -1)},"files":[`);
    return report;
  }

  add(file: ReportedFile): void {
    this.#write(`${this.#files === 0 ? '' : ','}\n${JSON.stringify(file)}`);
    this.#files += 1;
    this.#unauthenticated += file.unauthenticated === true ? 1 : 0;
  }

  async finish({ scanned, done, skipped, failed, bytes, complete, exitCode, error }: RunResult): Promise<void> {
    const totals = { scanned, verified: done, unauthenticated: this.#unauthenticated, skipped, failed, bytes };
    const tail = { totals, complete, exitCode, error, finishedAt: new Date().toISOString() };
    this.#write(`\n],${JSON.stringify(tail).slice(1)}\n`);
    this.#flush();
    await this.#file.commit({ overwrite: true });
  }

  /** Throws the unfinished report away; a finished one stays. */
  abandon(): void {
    this.#file.discard();
  }

  #write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= BUFFERED_CHARACTERS) {
      this.#flush();
    }
  }

  #flush(): void {
    const data = Buffer.from(this.#pending);
    this.#file.writeAt(data, this.#written);
    this.#written += data.length;
    this.#pending = '';
  }
}

/** Its name would be given to the report, and a device would be gone. */
function refuseOddFile(path: string): void {
  if (lookAt(path)?.isFile() === false) {
    throw new SealiftError('usage', `${path} is no regular file, and a report would take its place`, { object: path, remedy: 'name a file' });
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw writeFailure(error, path);
  }
}

/** The file keeps the directory as long as it needs it. */
function createIn(directory: DirectoryHandle, path: string): AtomicFile {
  try {
    return AtomicFile.create({ directory, name: Buffer.from(basename(path)), label: path });
  } finally {
    directory.release();
  }
}

const BUFFERED_CHARACTERS = 64 * KiB;
