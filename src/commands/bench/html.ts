/** A bench as one page that needs nothing else: no script, no network, readable in light and dark. */
import { barChart, lineChart, stackChart, type Series } from './charts.js';
import type { BenchFile, Row } from './rows.js';
import { STAGES } from './stages.js';

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5c6675; --paper: #fff; --line: #d5dae2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --paper: #14181f; --line: #343b47; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 2rem 0; overflow-x: auto; } figcaption, footer { color: var(--soft); }
svg { max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--soft); } .axis { stroke: var(--line); }
.c0 { --c: #3b7dd8; } .c1 { --c: #d9822b; } .c2 { --c: #2e9e6b; } .c3 { --c: #b0489b; } .c4 { --c: #7a6ff0; } .c5 { --c: #b8a118; } .c6 { --c: #8b95a5; } .c7 { --c: #c3cad5; }
.fill { fill: var(--c); } .stroke { stroke: var(--c); fill: none; stroke-width: 2; }`;

export function htmlReport(file: BenchFile): string {
  const { machine, rows } = file;
  const facts = `${machine.parallelism} × ${machine.processor}, ${machine.platform}, Node ${machine.node}, load ${machine.load.toFixed(1)}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sealift bench</title><style>${STYLE}</style></head>
<body><h1>Sealift bench</h1><p>${escapeHtml(facts)}. CPU time is that of the measured process alone; medians.</p>
${table(['work', 'files/s', 'MB/s', 'CPU s per GiB', 'CPU s per 1,000 files', 'p50 ms', 'p95 ms', 'p99 ms', 'peak MiB', 'efficiency'], rows.map(cells))}
${figure('Throughput over time, MB/s', lineChart(rows.map(throughput), 's'))}
${figure('Where the time of all threads went', stackChart(rows.map(({ work, stages }) => ({ name: work, values: STAGES.map((stage) => stages?.[stage] ?? 0) })), STAGES))}
${figure('Efficiency: CPU time of the floor per CPU time of ours', barChart(rows.map(({ work, efficiency }) => ({ name: work, value: efficiency })), 1))}
${scaling(rows, { title: 'Scaling with threads, MB/s', unit: 'threads', of: ({ threads }) => threads })}
${scaling(rows, { title: 'Scaling with latency, files/s', unit: 'ms', of: ({ latencyMs }) => latencyMs })}
<footer>sealift bench, file version ${file.version}. The floor reads, seals, checksums and sends the same bytes by the shortest possible code, in the same run.</footer></body></html>
`;
}

function cells(row: Row): readonly string[] {
  const { work, filesPerSecond, mbPerSecond, cpuSecondsPerGiB, cpuSecondsPer1000Files, latency, peakRssMiB, efficiency } = row;
  const times = [latency?.p50Ms, latency?.p95Ms, latency?.p99Ms].map((value) => value?.toFixed(1) ?? '–');
  return [work, filesPerSecond.toFixed(0), mbPerSecond.toFixed(0), cpuSecondsPerGiB.toFixed(2), cpuSecondsPer1000Files.toFixed(2), ...times, peakRssMiB.toFixed(0), `${(efficiency * 100).toFixed(0)} %`];
}

function throughput({ work, overTime }: Row): Series {
  const points = overTime.map(([seconds, bytes], index) => {
    const [before, moved] = overTime[index - 1] ?? [0, 0];
    return [seconds, seconds === before ? 0 : Math.max(0, bytes - moved) / 1e6 / (seconds - before)] as const;
  });
  return { name: work, points };
}

interface Axis {
  readonly title: string;
  readonly unit: string;
  readonly of: (row: Row) => number;
}

/** Only where more than one value was measured. */
function scaling(rows: readonly Row[], { title, unit, of }: Axis): string {
  if (new Set(rows.map(of)).size < 2) {
    return '';
  }
  const operations = [...new Set(rows.map(({ operation }) => operation))];
  const series = operations.map((operation) => ({
    name: operation,
    points: rows.filter((row) => row.operation === operation).map((row) => [of(row), unit === 'ms' ? row.filesPerSecond : row.mbPerSecond] as const).toSorted(([a], [b]) => a - b),
  }));
  return figure(title, lineChart(series, unit));
}

function table(titles: readonly string[], lines: readonly (readonly string[])[]): string {
  const head = titles.map((title) => `<th>${escapeHtml(title)}</th>`).join('');
  const body = lines.map((line) => `<tr>${line.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

function figure(title: string, svg: string): string {
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>${svg}</figure>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
