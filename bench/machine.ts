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

/** Of one call, the median of several rounds. */
export interface Timing {
  readonly seconds: number;
  /** Of all threads of this process, the collector's among them. */
  readonly cpuSeconds: number;
}

const ROUNDS = 5;
const ROUND_MS = 150;

/** Calls `work` over and over in five rounds of 150 ms at least, behind one that warms it up. A promise is awaited before the next call. */
export async function timed(work: () => unknown): Promise<Timing> {
  const rounds: Timing[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    rounds.push(await timedRound(work));
  }
  const [, ...counted] = rounds;
  return { seconds: median(counted.map(({ seconds }) => seconds)), cpuSeconds: median(counted.map(({ cpuSeconds }) => cpuSeconds)) };
}

async function timedRound(work: () => unknown): Promise<Timing> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  let calls = 0;
  for (; calls === 0 || performance.now() - begun < ROUND_MS; calls += 1) {
    const result = work();
    if (result instanceof Promise) {
      await result;
    }
  }
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - begun) / 1000 / calls, cpuSeconds: (user + system) / 1e6 / calls };
}

/** A table: a name per line, a number per column. */
export function printRow(name: string, cells: readonly (number | string)[], digits = 2): void {
  console.log(`${name.padEnd(44)}${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(digits) : cell).padStart(10)).join('')}`);
}

/** A line with its verdict; a process that has missed a target ends with 1. */
export function judge(line: string, isMet: boolean): void {
  console.log(`${line}${isMet ? '' : '  MISSED'}`);
  if (!isMet) {
    process.exitCode = 1;
  }
}

/** @throws Error unless it holds: what was not done must not be measured. */
export function mustHold(claim: boolean, what: string): void {
  if (!claim) {
    throw new Error(`the bench measured something that did not work: ${what}`);
  }
}
