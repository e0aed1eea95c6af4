/** Two files of `sealift bench --out`, side by side. */
import { resolve } from 'node:path';
import { parseText } from '../../values.js';
import type { Context } from '../context.js';
import { readBenchFile, type Row } from './rows.js';
import { columns } from './table.js';

interface Comparison {
  readonly work: string;
  readonly before: Pair;
  readonly after: Pair;
  /** After per before: below 1 is less CPU time. */
  readonly cpuRatio: number;
  /** After per before: above 1 is faster. */
  readonly speedRatio: number;
  readonly efficiencyRatio: number;
}

type Pair = Pick<Row, 'cpuSeconds' | 'seconds' | 'efficiency'>;

export function runCompare(context: Context, flags: Readonly<Record<string, unknown>>): void {
  const [before, after] = (['before', 'after'] as const).map((name) => readBenchFile(resolve(context.cwd, parseText(name, flags[name]))));
  const rows = (before?.rows ?? []).flatMap((row) => {
    const other = after?.rows.find(({ work }) => work === row.work);
    return other === undefined ? [] : [compared(row, other)];
  });
  const known = new Set(rows.map(({ work }) => work));
  const alone = [...(before?.rows ?? []), ...(after?.rows ?? [])].map(({ work }) => work).filter((work) => !known.has(work));
  context.stdout.write(flags['json'] === true ? `${JSON.stringify({ rows, alone })}\n` : `${lines(rows, alone).join('\n')}\n`);
}

function compared(before: Row, after: Row): Comparison {
  return {
    work: before.work, before: pair(before), after: pair(after),
    cpuRatio: after.cpuSeconds / before.cpuSeconds,
    speedRatio: before.seconds / after.seconds,
    efficiencyRatio: after.efficiency / before.efficiency,
  };
}

function pair({ cpuSeconds, seconds, efficiency }: Row): Pair {
  return { cpuSeconds, seconds, efficiency };
}

function lines(rows: readonly Comparison[], alone: readonly string[]): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  return [
    ...columns(
      ['work', 'cpu-s A', 'cpu-s B', 'B/A', 's A', 's B', 'speed B/A', 'efficiency A', 'B', 'B/A'],
      rows.map(({ work, before, after, cpuRatio, speedRatio, efficiencyRatio }) => [
        work, before.cpuSeconds.toFixed(2), after.cpuSeconds.toFixed(2), cpuRatio.toFixed(2), before.seconds.toFixed(2), after.seconds.toFixed(2),
        speedRatio.toFixed(2), percent(before.efficiency), percent(after.efficiency), efficiencyRatio.toFixed(2),
      ]),
    ),
    ...alone.map((work) => `only in one of them: ${work}`),
  ];
}
