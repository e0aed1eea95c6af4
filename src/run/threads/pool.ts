import { SealiftError } from '../../errors.js';
import { FILES_FOR_ONE_THREAD, LIGHT_FILE_BYTES, SMALL_FILE_BYTES } from '../../limits.js';
import { UNKNOWN_SESSION, type Job, type ResultOf } from '../jobs.js';
import type { Crew, Load } from './crew.js';
import { ThreadWatch } from './thread-watch.js';

/** A run by its name, and whatever else its workers have to know. */
export interface Introduction {
  readonly channel: string;
}

/**
 * What one run sees of a thread pool. Knows nothing of files: whoever submits a job bounds the bytes it stands for first,
 * because piscina queues without limit.
 */
export class Pool {
  readonly #start: Introduction;
  readonly #crew: () => Crew;
  readonly #onEnd: (isIdle: boolean) => Promise<void>;
  #underWay = 0;
  /** Whether a thread has answered, which it can only when it knows the run. */
  #isKnown = false;
  #ended = false;

  /** @param onEnd - told whether every job has come back; where one has not, its thread must not go on with it. */
  constructor(start: Introduction, crew: () => Crew, onEnd: (isIdle: boolean) => Promise<void>) {
    this.#start = start;
    this.#crew = crew;
    this.#onEnd = onEnd;
  }

  /**
   * Runs one job on some thread. Workers answer bad files with values, so a rejection means that the thread died or has
   * a bug: code `worker-died`; or that the run ended meanwhile: code `interrupted`.
   */
  async run<J extends Job>(job: J): Promise<ResultOf<J>> {
    if (this.#ended) {
      throw interrupted();
    }
    const crew = this.#crew();
    this.#underWay += 1;
    try {
      return await this.#submit(crew, job);
    } catch (error) {
      throw this.#reasonOf(error, crew);
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Resolves when the threads that are there have loaded their modules. */
  async started(): Promise<void> {
    await this.#crew().started();
  }

  /** Jobs under way reject. */
  async end(): Promise<void> {
    if (!this.#ended) {
      this.#ended = true;
      await this.#onEnd(this.#underWay === 0);
    }
  }

  /** From now on: each call says for what share of the time since the last one the threads had nothing to do, 0 to 1; an end starts no new ones. */
  watchIdleness(): () => number {
    const watch = new ThreadWatch(() => (this.#ended ? [] : this.#crew().threads));
    return () => {
      const { lived, idle } = watch.look();
      watch.restart();
      return lived === 0 ? 0 : idle / lived;
    };
  }

  #reasonOf(error: unknown, { broken }: Crew): SealiftError {
    if (this.#ended) {
      return interrupted();
    }
    if (broken !== undefined) {
      return new SealiftError('internal', `worker threads cannot start: ${broken.message}`, { remedy: 'install the package again; if that does not help, report it' });
    }
    const reason = error instanceof Error ? error.message : 'unknown reason';
    return new SealiftError('worker-died', `a worker thread ended unexpectedly: ${reason}`, {
      remedy: 'if this repeats, lower --memory or --concurrency and report it',
      retryable: true,
    });
  }

  /** Keys cost microseconds to send, so that once a thread knows of the run the others are told only when they do not know it. */
  async #submit<J extends Job>(crew: Crew, job: J): Promise<ResultOf<J>> {
    const [session, load] = [this.#start.channel, loadOf(job)];
    const introduced = { session, job, start: this.#start };
    const answer = (await crew.run(this.#isKnown ? { session, job } : introduced, load)) as ResultOf<J> | typeof UNKNOWN_SESSION;
    this.#isKnown = true;
    return answer === UNKNOWN_SESSION ? ((await crew.run(introduced, load)) as ResultOf<J>) : answer;
  }
}

/** A batch alone is nothing to share, but where there is a piece of a large file there are others. */
function loadOf(job: Job): Load {
  switch (job.kind) {
    case 'push':
      return loadOfBatch(job.files.map(({ stat }) => stat.sizeBytes), { mayBeLight: true });
    case 'pull':
      return loadOfBatch(job.objects.map(({ sizeBytes }) => sizeBytes), { mayBeLight: false });
    default:
      return { weight: FILES_FOR_ONE_THREAD + 1, isLight: false };
  }
}

function loadOfBatch(sizes: readonly number[], { mayBeLight }: { readonly mayBeLight: boolean }): Load {
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return {
    weight: Math.min(FILES_FOR_ONE_THREAD, sizes.length + bytes / SMALL_FILE_BYTES),
    isLight: mayBeLight && bytes <= LIGHT_FILE_BYTES * sizes.length,
  };
}

function interrupted(): SealiftError {
  return new SealiftError('interrupted', 'interrupted');
}
