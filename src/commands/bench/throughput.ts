/** How fast a run was at each moment, from how far it had come. */
import type { Measure } from './job.js';

const MOST_STEPS = 40;
/** Progress is told about so often; in seconds. */
const SHORTEST_STEP = 0.25;
const BYTES_PER_MB = 1e6;

/** Megabytes per second over equal steps of time, from the start to the end of the run. */
export function throughputOf(overTime: Measure['overTime']): readonly (readonly [seconds: number, mbPerSecond: number])[] {
  const seconds = overTime.at(-1)?.[0] ?? 0;
  const steps = Math.max(1, Math.min(MOST_STEPS, Math.floor(seconds / SHORTEST_STEP)));
  const step = seconds / steps;
  return Array.from({ length: steps }, (_, index) => {
    const moved = movedBy(overTime, (index + 1) * step) - movedBy(overTime, index * step);
    return [(index + 0.5) * step, step === 0 ? 0 : Math.max(0, moved) / BYTES_PER_MB / step] as const;
  });
}

/** Bytes, between two known moments in proportion. */
function movedBy(overTime: Measure['overTime'], at: number): number {
  const after = overTime.findIndex(([seconds]) => seconds >= at);
  const [seconds, bytes] = overTime[after] ?? overTime.at(-1) ?? [0, 0];
  const [secondsBefore, bytesBefore] = overTime[after - 1] ?? [0, 0];
  return after === -1 || seconds === secondsBefore ? bytes : bytesBefore + ((at - secondsBefore) / (seconds - secondsBefore)) * (bytes - bytesBefore);
}
