/** One combination of flags: rounds as long as there is time, and what they come to. */
import { formatBytes, formatDuration, formatThreads } from '../../report/format.js';
import { crewSize } from '../../run/threads/crew-size.js';
import type { Measure, Operation } from './job.js';
import { measureRound, profileRound, type Combination, type Measures, type Round, type Splits, type Stage } from './round.js';
import { figures, medianBy, type Row } from './rows.js';

export async function measureCombination(combination: Combination, stage: Stage): Promise<readonly Row[]> {
  const rounds: Round[] = [];
  while (rounds.length < combination.runs && (rounds.length === 0 || stage.mayRepeat())) {
    const round = await measureRound(combination, stage);
    rounds.push(round);
    stage.say(`  run ${rounds.length} of ${nameOf(combination, stage)}: ${told(round.sealift)}; floor: ${told(round.floor)}`);
  }
  const stages = combination.withProfile ? await profileRound(combination, stage) : {};
  return (['push', 'pull'] as const).flatMap((operation) => {
    const pairs = rounds.flatMap(({ sealift, floor }) => (sealift[operation] === undefined || floor[operation] === undefined ? [] : [{ ours: sealift[operation], floor: floor[operation] }]));
    return pairs.length === 0 ? [] : [rowOf(operation, pairs, { combination, stage, stages })];
  });
}

interface Pair {
  readonly ours: Measure;
  readonly floor: Measure;
}

interface Setting {
  readonly combination: Combination;
  readonly stage: Stage;
  readonly stages: Splits;
}

function rowOf(operation: Operation, pairs: readonly Pair[], { combination, stage, stages }: Setting): Row {
  const { threads, concurrency, partBytes, isWarm } = combination;
  const { work, place, latencyMs, envelope, keyBits } = stage;
  const { ours, floor } = medianBy(pairs, ({ ours: { cpuSeconds } }) => cpuSeconds);
  const split = stages[operation];
  return {
    work: `${operation} ${nameOf(combination, stage)}`,
    operation, data: work.name, target: place.name, envelope, keyBits, threads: crewSize(threads).threads, concurrency, latencyMs,
    ...(partBytes === undefined ? {} : { partBytes }),
    runs: pairs.length,
    ...(isWarm ? { warm: true } : {}),
    ...figures(ours),
    ...(split === undefined ? {} : { stages: split }),
    floor: { seconds: floor.seconds, cpuSeconds: floor.cpuSeconds },
    efficiency: medianBy(pairs.map(efficiencyOf), (share) => share),
  };
}

/** A ratio of one round: what slows the machine down for a while slows both. */
function efficiencyOf({ ours, floor }: Pair): number {
  return Math.min(1, floor.cpuSeconds / ours.cpuSeconds);
}

function nameOf({ threads, concurrency, partBytes, isWarm }: Combination, { work, latencyMs }: Stage): string {
  const parts = partBytes === undefined ? '' : `, parts of ${formatBytes(partBytes)}`;
  return `${work.name}, ${formatThreads(crewSize(threads))} × ${concurrency}${parts}${latencyMs === 0 ? '' : `, ${latencyMs} ms`}${isWarm ? ', warm' : ''}`;
}

function told({ push, pull }: Measures): string {
  return [push === undefined ? '' : `push ${formatDuration(push.seconds * 1000)}`, pull === undefined ? '' : `pull ${formatDuration(pull.seconds * 1000)}`].filter((text) => text !== '').join(', ');
}
