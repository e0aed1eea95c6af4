/** Numbers as people read them. */
import prettyBytes from 'pretty-bytes';

/** Between groups of three digits. Setting up Intl for it takes as long as loading thirty modules. */
const THOUSANDS = /\B(?=(?:\d{3})+$)/g;

/** `82.1 MiB`; `0 B` to the largest safe integer. */
export function formatBytes(bytes: number): string {
  return prettyBytes(bytes, { binary: true, maximumFractionDigits: bytes < 1024 ? 0 : 1 });
}

/** `1,204`; of whole numbers. */
export function formatCount(count: number): string {
  return String(count).replace(THOUSANDS, ',');
}

/** `0.4 s`, `42 s`, `3 min 05 s`, `2 h 07 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  }
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

/** `1 file`, `2 files`. */
export function plural(count: number, one: string): string {
  return `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
}

/** `2 threads`; `up to 2 threads` where not all start as soon as one has enough to do. */
export function formatThreads({ threads, threadsAtOnce }: { readonly threads: number; readonly threadsAtOnce: number }): string {
  return `${threadsAtOnce < threads ? 'up to ' : ''}${plural(threads, 'thread')}`;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
