/** Pushes and pulls against the sink, each in turn with its floor, on as many threads as pay: what `sealift bench` measures, without its profile. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Measure, Operation } from '../src/commands/bench/job.js';
import { measureRound, type Combination, type Round } from '../src/commands/bench/round.js';
import { openSink } from '../src/commands/bench/target.js';
import { makeWork, nameOf, type Group } from '../src/commands/bench/work.js';
import { createRsaKey } from '../src/keys/key-files.js';
import { DEFAULT_CONCURRENCY } from '../src/limits.js';

export interface PairOptions extends Partial<Pick<Combination, 'concurrency' | 'memoryBytes' | 'withPull' | 'isWarm'>> {
  readonly group: Group;
  readonly runs: number;
  /** @default 0 */
  readonly latencyMs?: number;
}

/** @throws SealiftError unless objects open again */
export async function measurePairs({ group, runs, latencyMs = 0, concurrency = DEFAULT_CONCURRENCY, memoryBytes, withPull = true, isWarm = false }: PairOptions): Promise<readonly Round[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
  const sink = await openSink(latencyMs);
  try {
    const keyFile = join(scratch, 'key.pem');
    await createRsaKey(keyFile, { bits: 2048 });
    const data = join(scratch, 'data');
    mkdirSync(data);
    const stage = {
      work: makeWork(nameOf(group), [group], data), place: sink, sink, latencyMs, scratch, keyFile, envelope: 'oss-crypto', keyBits: 2048,
      signal: new AbortController().signal, mayRepeat: () => true, say: () => undefined,
    } as const;
    const rounds: Round[] = [];
    for (let run = 0; run < runs; run += 1) {
      rounds.push(await measureRound({ threads: undefined, concurrency, partBytes: undefined, memoryBytes, withPull, withProfile: false, isWarm, runs }, stage));
    }
    return rounds;
  } finally {
    await sink.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** CPU time of the floor per CPU time of ours, of each round: what slows the machine down for a while slows both. */
export function efficienciesOf(rounds: readonly Round[], operation: Operation): readonly number[] {
  return rounds.map(({ sealift, floor }) => measured(floor[operation]).cpuSeconds / measured(sealift[operation]).cpuSeconds);
}

/** @throws RangeError for an operation that was not asked for */
export function measured(measure: Measure | undefined): Measure {
  if (measure === undefined) {
    throw new RangeError('this was not measured');
  }
  return measure;
}
