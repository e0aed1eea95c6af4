/** Rows as text. */
import type { BenchFile, Row } from './rows.js';
import { STAGES } from './stages.js';

type Column = readonly [title: string, value: (row: Row) => string];

/** Shorter runs are mostly start-up, of threads that had not worked before. */
const MEANINGFUL_SECONDS = 2;

const COLUMNS: readonly Column[] = [
  ['files/s', ({ filesPerSecond }) => shortened(filesPerSecond)],
  ['MB/s', ({ mbPerSecond }) => shortened(mbPerSecond)],
  ['cpu-s/GiB', ({ cpuSecondsPerGiB }) => cpuSecondsPerGiB.toFixed(2)],
  ['cpu-s/1,000', ({ cpuSecondsPer1000Files }) => cpuSecondsPer1000Files.toFixed(2)],
  ['p50 ms', ({ latency }) => latency?.p50Ms.toFixed(1) ?? '–'],
  ['p95 ms', ({ latency }) => latency?.p95Ms.toFixed(1) ?? '–'],
  ['p99 ms', ({ latency }) => latency?.p99Ms.toFixed(1) ?? '–'],
  ['peak MiB', ({ peakRssMiB }) => peakRssMiB.toFixed(0)],
  ['efficiency', ({ efficiency }) => `${(efficiency * 100).toFixed(0)} %`],
  ['n', ({ runs }) => String(runs)],
];

export function tableLines({ machine, rows }: BenchFile): string[] {
  const { parallelism, processor, node, platform, load } = machine;
  return [
    `${parallelism} × ${processor}, ${platform}, Node ${node}, load ${load.toFixed(1)}`,
    'CPU time is that of the measured process from the call to its end, its threads included; servers run apart. Median of n.',
    '',
    ...columns(['work', ...COLUMNS.map(([title]) => title)], rows.map((row) => [row.work, ...COLUMNS.map(([, value]) => value(row))])),
    '',
    'where the time of all threads went, in percent (from a profiled run of its own):',
    ...columns(['work', ...STAGES], rows.filter(({ stages }) => stages !== undefined).map((row) => [row.work, ...STAGES.map((stage) => ((row.stages?.[stage] ?? 0) * 100).toFixed(0))])),
    '',
    'efficiency: CPU time of the floor (the same bytes read, sealed, checksummed and sent by the shortest code) per CPU time of ours',
    ...(rows.some(isMostlyStart) ? [`runs of less than ${MEANINGFUL_SECONDS} seconds are mostly the start of threads: measure more files`] : []),
  ];
}

export function isMostlyStart({ seconds, warm }: Pick<Row, 'seconds' | 'warm'>): boolean {
  return warm !== true && seconds < MEANINGFUL_SECONDS;
}

/** Three digits that count. */
export function shortened(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

/** The first column to the left, numbers to the right. */
export function columns(titles: readonly string[], lines: readonly (readonly string[])[]): string[] {
  const widths = titles.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)));
  return [titles, ...lines].map((line) => line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '));
}
