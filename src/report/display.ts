/** Where progress becomes visible while a run goes on. */
import { formatBytes, formatCount, formatDuration } from './format.js';
import type { Progress } from './progress.js';

/** As much of a stream as reports need; `process.stderr` is one. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

export interface Display {
  /** May be called as often as one likes; drawing is the display's business. */
  update(progress: Progress): void;
  /** One line of text that stays, above whatever moves. */
  line(text: string): void;
  stop(): void;
}

/** A line in a log every so often. */
export const LINE_INTERVAL_MS = 5_000;

/** For logs and pipes: one line every five seconds. */
export function createLineDisplay(output: Output, label: string, now: () => number): Display {
  let lastMs = now();
  return {
    update: (progress) => {
      if (now() - lastMs >= LINE_INTERVAL_MS) {
        lastMs = now();
        output.write(`${progressLine(label, progress)}\n`);
      }
    },
    line: (text) => output.write(`${text}\n`),
    stop: () => undefined,
  };
}

/** Says only what has to be said. */
export function createSilentDisplay(output: Output): Display {
  return { update: () => undefined, line: (text) => output.write(`${text}\n`), stop: () => undefined };
}

/** `push: 120 of 400 files, 12 MiB of 80 MiB, 10 MiB/s, 7 s left, 0 failed`; `400+` while the walk goes on. */
function progressLine(label: string, progress: Progress): string {
  const more = progress.scanning ? '+' : '';
  const files = `${formatCount(settled(progress))} of ${formatCount(progress.scanned)}${more} files`;
  const bytes = `${formatBytes(progress.movedBytes)} of ${formatBytes(progress.wantedBytes)}${more}`;
  return `${label}: ${files}, ${bytes}, ${rateText(progress)}, ${etaText(progress)}, ${formatCount(progress.failed)} failed`;
}

/** Files that need no further attention. */
export function settled(progress: Progress): number {
  return progress.done + progress.skipped + progress.failed;
}

export function rateText(progress: Progress): string {
  return `${formatBytes(Math.round(progress.bytesPerSecond))}/s`;
}

export function etaText(progress: Progress): string {
  return progress.etaMs === undefined ? 'time left unknown' : `${formatDuration(progress.etaMs)} left`;
}
