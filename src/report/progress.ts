/** What the events of a run add up to at one moment; everything a display needs. */
import type { Counters, ProgressEvent, RunEvent } from '../run/events.js';
import { etaMs, observe, startRate } from './rate.js';

export interface Progress extends Counters {
  /** Plaintext bytes of everything scanned so far that has to be moved. */
  readonly wantedBytes: number;
  readonly movedBytes: number;
  /** Whether totals may still grow. */
  readonly scanning: boolean;
  readonly bytesPerSecond: number;
  readonly filesPerSecond: number;
  /** Undefined while the walk goes on or nothing moves. */
  readonly etaMs: number | undefined;
  readonly elapsedMs: number;
}

export interface ProgressMeter {
  observe(event: RunEvent): void;
  current(): Progress;
}

const NOTHING: ProgressEvent = {
  event: 'progress', scanned: 0, done: 0, skipped: 0, failed: 0, bytes: 0, scannedBytes: 0, movedBytes: 0, scanning: true,
};

/** `now` gives milliseconds of a clock that need not be the wall clock. */
export function createProgressMeter(now: () => number): ProgressMeter {
  const startedMs = now();
  let last = NOTHING;
  let skippedBytes = 0;
  let bytes = startRate(startedMs);
  let files = startRate(startedMs);
  return {
    observe: (event) => {
      if (event.event === 'file' && (event.state === 'skipped' || event.state === 'failed')) {
        skippedBytes += event.bytes ?? 0;
      }
      if (event.event === 'progress') {
        last = event;
        bytes = observe(bytes, now(), event.movedBytes);
        files = observe(files, now(), event.done + event.failed);
      }
    },
    current: () => {
      const wantedBytes = Math.max(last.movedBytes, last.scannedBytes - skippedBytes);
      const left = wantedBytes - last.movedBytes;
      return {
        ...last,
        wantedBytes,
        bytesPerSecond: bytes.perSecond,
        filesPerSecond: files.perSecond,
        etaMs: last.scanning ? undefined : etaMs(bytes, left),
        elapsedMs: now() - startedMs,
      };
    },
  };
}
