/** What every bench says about itself. */
import { availableParallelism, cpus, loadavg } from 'node:os';

/** One line: where the numbers were measured, and how busy the machine was. */
export function machine(): string {
  const load = loadavg().map((value) => value.toFixed(1)).join(' ');
  return `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, Node ${process.versions.node}, load ${load}`;
}

/** @throws RangeError for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) {
    throw new RangeError('a median needs values');
  }
  return middle;
}
