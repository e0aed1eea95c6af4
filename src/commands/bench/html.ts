/** A bench as one page that needs nothing else: no script, no network, readable in light and dark. */
import { bars, escapeHtml, figure, legend, table } from './html-parts.js';
import { STYLE } from './html-style.js';
import { lineChart, type Series } from './line-chart.js';
import type { BenchFile, Row } from './rows.js';
import { STAGES } from './stages.js';
import { shortened } from './table.js';
import { throughputOf } from './throughput.js';

const NARROW = 480;
const FULL = 960;
const OPERATIONS = ['push', 'pull'] as const;

export function htmlReport(file: BenchFile): string {
  const { machine, rows } = file;
  const facts = `${machine.parallelism} × ${machine.processor}, ${machine.platform}, Node ${machine.node}, load ${machine.load.toFixed(1)}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sealift bench</title><style>${STYLE}</style></head>
<body><h1>Sealift bench</h1><p>${escapeHtml(facts)}; ${escapeHtml([...new Set(rows.map(targetOf))].join('; '))}</p>
<p>CPU time is that of the measured process, its threads included; servers run apart. Medians of n runs.</p>
${table(['', 'files/s', 'MB/s', 'CPU s/GiB', 'CPU s/1,000 files', 'p50 ms', 'p95 ms', 'p99 ms', 'peak MiB', 'efficiency', 'n'], rows.map(cells))}
${throughput(rows)}
${stageSplit(rows)}
${figure('Efficiency, %', 'CPU time of the floor per CPU time of ours. The floor reads, seals, checksums and sends the same bytes by the shortest code, in the same run.', bars(rows.map(({ work, efficiency }) => ({ name: work, shares: [efficiency] }))))}
${scaling(rows, { title: 'Scaling with threads', unit: 'threads', of: ({ threads }) => threads, but: ({ concurrency, latencyMs }) => `× ${concurrency}${latencyMs === 0 ? '' : `, ${latencyMs} ms`}` })}
${scaling(rows, { title: 'Scaling with latency', unit: 'ms', of: ({ latencyMs }) => latencyMs, but: ({ threads, concurrency }) => `${threads} × ${concurrency}` })}
<footer>Written by sealift bench, file version ${file.version}. Rows are named: operation, data, threads × requests in flight per thread, latency.</footer></body></html>
`;
}

function targetOf({ target, envelope, keyBits }: Row): string {
  return `to ${target}, envelope ${envelope}, RSA-${keyBits}`;
}

function cells({ work, filesPerSecond, mbPerSecond, cpuSecondsPerGiB, cpuSecondsPer1000Files, latency, peakRssMiB, efficiency, runs }: Row): readonly string[] {
  const times = [latency?.p50Ms, latency?.p95Ms, latency?.p99Ms].map((value) => value?.toFixed(1) ?? '–');
  return [work, shortened(filesPerSecond), shortened(mbPerSecond), cpuSecondsPerGiB.toFixed(2), cpuSecondsPer1000Files.toFixed(2), ...times, peakRssMiB.toFixed(0), `${(efficiency * 100).toFixed(0)} %`, String(runs)];
}

/** A chart per combination, all to the same scale, push and pull in each. */
function throughput(rows: readonly Row[]): string {
  const series = rows.map((row) => ({ row, points: throughputOf(row.overTime) }));
  const yLeast = Math.max(...series.flatMap(({ points }) => points.map(([, y]) => y)), 0);
  const operations = OPERATIONS.filter((operation) => rows.some((row) => row.operation === operation));
  const names = [...new Set(rows.map(combinationOf))];
  const charts = names.map((name) => {
    const lines = operations.map((operation) => ({ name: operation, points: series.find(({ row }) => combinationOf(row) === name && row.operation === operation)?.points ?? [] }));
    return `<div><h2>${escapeHtml(name)}</h2>${lineChart(lines, { xUnit: 's', yLeast, width: NARROW })}</div>`;
  });
  return figure('Throughput over time, MB/s', 'Median run of each; the beginning is the start of threads.', legend(operations), `<div class="grid2">${charts.join('')}</div>`);
}

function combinationOf({ work, operation }: Row): string {
  return work.slice(operation.length + 1);
}

/** Rows that were profiled. */
function stageSplit(rows: readonly Row[]): string {
  const split = rows.flatMap(({ work, stages }) => (stages === undefined ? [] : [{ name: work, shares: STAGES.map((stage) => stages[stage]) }]));
  return split.length === 0 ? '' : figure('Where the time of all threads went, %', 'From a profiled run of its own, which is not timed.', legend(STAGES), bars(split));
}

interface Axis {
  readonly title: string;
  readonly unit: string;
  readonly of: (row: Row) => number;
  /** What else tells rows apart: a line for each. */
  readonly but: (row: Row) => string;
}

/** Only where more than one value was measured. */
function scaling(rows: readonly Row[], { title, unit, of, but }: Axis): string {
  const xMarks = [...new Set(rows.map(of))].sort((a, b) => a - b);
  if (xMarks.length < 2) {
    return '';
  }
  const names = [...new Set(rows.map((row) => `${row.operation} ${but(row)}`))];
  const series: Series[] = names.map((name) => ({
    name, points: rows.filter((row) => `${row.operation} ${but(row)}` === name).map((row) => [of(row), row.filesPerSecond] as const).toSorted(([a], [b]) => a - b),
  }));
  return figure(`${title}, files/s`, '', legend(names), lineChart(series, { xUnit: unit, xMarks, width: FULL }));
}
