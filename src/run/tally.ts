import { combineExitCodes, exitCodeOf, SealiftError, toCause, type Cause, type Failure } from '../errors.js';
import type { EventListener, FileEvent, FileState, RunEvent, SkipReason, SummaryEvent } from './events.js';
import type { FileFailure } from './options.js';

/** Failures kept in memory for the result; the manifest has all of them. */
const KEPT_FAILURES = 1000;

interface FileFacts {
  readonly path: string;
  readonly key: string;
  readonly bytes?: number;
}

/**
 * Counts a session and tells its listener. Every scanned entry ends as done, skipped, failed, or parked by an
 * interruption; {@link close} proves it.
 */
export class Tally {
  #scanned = 0;
  #parked = 0;
  #done = 0;
  readonly #skipReasons: Partial<Record<SkipReason, number>> = {};
  #failed = 0;
  #bytes = 0;
  #scannedBytes = 0;
  #movedBytes = 0;
  #restarted = 0;
  #scanning = true;
  #lastProgress = '';
  readonly #failures: FileFailure[] = [];
  readonly #exitCodes = new Set<number>();
  readonly #listener: EventListener | undefined;
  #stopCause: Cause | undefined;
  #onBroken: ((error: unknown) => void) | undefined;
  /** What the listener threw, which may be undefined. */
  #broken: { readonly error: unknown } | undefined;

  constructor(listener: EventListener | undefined) {
    this.#listener = listener;
  }

  /** @throws whatever the listener throws, outside of {@link guard} */
  emit(event: RunEvent): void {
    if (this.#broken !== undefined) {
      return;
    }
    try {
      this.#listener?.(event);
    } catch (error) {
      if (this.#onBroken === undefined) {
        throw error;
      }
      this.#broken = { error };
      this.#onBroken(error);
    }
  }

  /** While `work` goes on, what the listener throws goes to `onBroken`: where events come from then, nobody could handle it. */
  async guard<T>(onBroken: (error: unknown) => void, work: () => Promise<T>): Promise<T> {
    this.#onBroken = onBroken;
    try {
      return await work();
    } finally {
      this.#onBroken = undefined;
    }
  }

  notice(level: 'info' | 'warning', message: string): void {
    this.emit({ event: 'notice', level, message });
  }

  scanned(bytes: number): void {
    this.#scanned += 1;
    this.#scannedBytes += bytes;
  }

  scanEnded(): void {
    this.#scanning = false;
  }

  /** Plaintext bytes that moved, parts of unfinished files included. */
  moved(bytes: number): void {
    this.#movedBytes += bytes;
  }

  done(file: FileFacts & { readonly bytes: number }): void {
    this.#done += 1;
    this.#bytes += file.bytes;
    this.emit(fileEvent(file, 'done'));
  }

  planned(file: FileFacts): void {
    this.#done += 1;
    this.#bytes += file.bytes ?? 0;
    this.emit(fileEvent(file, 'planned'));
  }

  skipped(file: FileFacts, reason: SkipReason): void {
    this.#skipReasons[reason] = (this.#skipReasons[reason] ?? 0) + 1;
    const event = fileEvent(file, 'skipped');
    event.code = reason;
    this.emit(event);
  }

  failed(file: FileFacts, failure: Failure): void {
    this.#failed += 1;
    this.#exitCodes.add(exitCodeOf(failure.code));
    if (this.#failures.length < KEPT_FAILURES) {
      this.#failures.push({ path: file.path, ...toCause(failure) });
    }
    this.emit({ ...fileEvent(file, 'failed'), code: failure.code, message: failure.message });
  }

  /** A scanned entry that this session leaves to the next one. */
  parked(): void {
    this.#parked += 1;
  }

  /** A file that is sent anew although it, or parts of it, may have arrived. */
  restarted(): void {
    this.#restarted += 1;
  }

  /** A cause that belongs to the run rather than to one file. */
  stoppedBy(error: SealiftError): void {
    this.#exitCodes.add(error.exitCode);
    this.#stopCause = toCause(error);
  }

  get counters(): { scanned: number; done: number; skipped: number; failed: number; bytes: number } {
    return { scanned: this.#scanned - this.#parked, done: this.#done, skipped: this.#skipped(), failed: this.#failed, bytes: this.#bytes };
  }

  /** What shows up only where there is something to say. */
  get remarks(): Pick<SummaryEvent, 'error' | 'restarted' | 'skipReasons'> {
    return {
      ...(this.#stopCause === undefined ? {} : { error: this.#stopCause }),
      ...(this.#restarted === 0 ? {} : { restarted: this.#restarted }),
      ...(this.#skipped() === 0 ? {} : { skipReasons: { ...this.#skipReasons } }),
    };
  }

  get failures(): readonly FileFailure[] {
    return this.#failures;
  }

  get exitCode(): number {
    return combineExitCodes(this.#exitCodes);
  }

  /** Emits a progress event if anything moved since the last one. */
  progress(): void {
    const event = {
      event: 'progress', ...this.counters, scannedBytes: this.#scannedBytes, movedBytes: this.#movedBytes, scanning: this.#scanning,
    } as const;
    const text = JSON.stringify(event);
    if (text === this.#lastProgress) {
      return;
    }
    this.#lastProgress = text;
    this.emit(event);
  }

  /**
   * Emits the summary.
   *
   * @throws SealiftError `internal` when an entry was lost between the walk and its outcome; whatever the listener has thrown.
   */
  close(): void {
    if (this.#broken !== undefined) {
      throw this.#broken.error;
    }
    this.progress();
    const { scanned, done, skipped, failed, bytes } = this.counters;
    if (scanned !== done + skipped + failed) {
      throw new SealiftError('internal', `${scanned} entries were scanned, but ${done} done, ${skipped} skipped and ${failed} failed do not add up to that`);
    }
    this.emit({ event: 'summary', scanned, done, skipped, failed, bytes, exitCode: this.exitCode, ...this.remarks });
  }

  #skipped(): number {
    return Object.values(this.#skipReasons).reduce((sum, count) => sum + count, 0);
  }
}

/** What is promised and no more: callers hand over what they have. No literal here begins with a spread: each would leave a hidden class behind. */
function fileEvent({ path, key, bytes }: FileFacts, state: FileState): { -readonly [Name in keyof FileEvent]: FileEvent[Name] } {
  return bytes === undefined ? { event: 'file', path, key, state } : { event: 'file', path, key, bytes, state };
}
