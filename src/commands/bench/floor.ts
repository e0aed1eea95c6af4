/** The floor of a bench: the same bytes read, sealed, checksummed and sent by the shortest code there is, on as many threads as ours may start. */
import { Worker } from 'node:worker_threads';
import { MiB } from '../../limits.js';
import { crewSize } from '../../run/threads/crew-size.js';
import type { Job } from './job.js';

/** A file, or a part of a large one, which is sealed as an object of its own. */
export interface Piece {
  /** Of its object below the prefix: ASCII, whatever the path is. */
  readonly name: string;
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface FloorWork {
  readonly job: Job;
  readonly pieces: readonly Piece[];
}

export const PIECE_BYTES = 8 * MiB;
const DIRECTORIES = 50;

/** What was moved. */
export interface Moved {
  readonly files: number;
  readonly bytes: number;
}

export async function runFloor(job: Job): Promise<Moved> {
  const threads = new FloorThreads(job);
  try {
    return await threads.move(job);
  } finally {
    await threads.end();
  }
}

/** Threads for several rounds, one after the other. */
export class FloorThreads {
  readonly #workers: readonly Worker[];

  constructor({ threads }: Pick<Job, 'threads'>) {
    this.#workers = Array.from({ length: crewSize(threads).threads }, () => new Worker(new URL('./floor-thread.js', import.meta.url)));
  }

  async move(job: Job): Promise<Moved> {
    const pieces = piecesOf(job);
    await Promise.all(this.#workers.map((worker, thread) => onThread(worker, { job, pieces: pieces.filter((_, index) => index % this.#workers.length === thread) })));
    return { files: job.files.length, bytes: job.files.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

export function piecesOf({ files }: Pick<Job, 'files'>): Piece[] {
  return files.flatMap(({ path, bytes }, file) =>
    Array.from({ length: Math.max(1, Math.ceil(bytes / PIECE_BYTES)) }, (_, index) => {
      const offset = index * PIECE_BYTES;
      return { name: `directory-${Math.floor((file * DIRECTORIES) / files.length)}/file-${file}.${index}`, path, offset, bytes: Math.min(PIECE_BYTES, bytes - offset) };
    }));
}

async function onThread(worker: Worker, work: FloorWork): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a thread of the floor ended with ${code}`)));
    worker.postMessage(work);
  });
}
