import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { htmlReport } from '../../src/commands/bench/html.js';
import { ticksTo } from '../../src/commands/bench/line-chart.js';
import { BENCH_VERSION, thisMachine, type Row } from '../../src/commands/bench/rows.js';
import { throughputOf } from '../../src/commands/bench/throughput.js';

function row(more: Partial<Row> = {}): Row {
  return {
    work: 'push mixed, 1 thread × 16', operation: 'push', data: 'mixed', target: 'sink', envelope: 'oss-crypto', keyBits: 2048, threads: 1, concurrency: 16,
    latencyMs: 0, files: 10, bytes: 4e6, runs: 1, seconds: 2, filesPerSecond: 5, mbPerSecond: 2, cpuSeconds: 1, cpuSecondsPerGiB: 268, cpuSecondsPer1000Files: 100,
    machineBusy: 0.5, peakRssMiB: 100, floor: { seconds: 1, cpuSeconds: 0.5 }, efficiency: 0.5, overTime: [[1, 1e6], [2, 4e6]], ...more,
  };
}

function page(...rows: readonly Row[]): string {
  return htmlReport({ version: BENCH_VERSION, machine: thisMachine(), rows });
}

describe('the page of a bench', () => {
  it('refers to nothing outside of itself and runs no script', () => {
    const html = page(row(), row({ operation: 'pull', work: 'pull mixed, 1 thread × 16', threads: 2, latencyMs: 20 }));
    assert.doesNotMatch(html, /https?:|\/\/|<script|<link|<img|<iframe|<object|\bsrc=|\bhref=|url\(|@import|\bon[a-z]+=/i);
    assert.match(html, /prefers-color-scheme: dark/);
  });

  it('draws scaling only where more than one value was measured', () => {
    assert.doesNotMatch(page(row(), row({ operation: 'pull' })), /Scaling/);
    const threads = page(row(), row({ threads: 2 }));
    assert.match(threads, /Scaling with threads/);
    assert.doesNotMatch(threads, /Scaling with latency/);
    assert.match(page(row(), row({ latencyMs: 20 })), /Scaling with latency/);
  });

  it('shows names as text, whatever is in them', () => {
    const html = page(row({ work: 'push <b onload="x">&, 1 thread × 16' }));
    assert.match(html, /push &lt;b onload=&quot;x&quot;&gt;&amp;/);
    assert.doesNotMatch(html, /<b onload/);
  });

  it('draws throughput whose area is what was moved', () => {
    const steps = fc.array(fc.record({ seconds: fc.double({ min: 0.001, max: 10, noNaN: true }), bytes: fc.integer({ min: 0, max: 1e9 }) }), { minLength: 1, maxLength: 60 });
    fc.assert(fc.property(steps, (deltas) => {
      let [seconds, bytes] = [0, 0];
      const overTime = deltas.map((delta) => [(seconds += delta.seconds), (bytes += delta.bytes)] as const);
      const points = throughputOf(overTime);
      const area = points.reduce((sum, [, speed]) => sum + speed * (seconds / points.length), 0);
      assert.ok(Math.abs(area * 1e6 - bytes) <= 1e-6 * bytes + 1e-3, `${area} MB of ${bytes} bytes`);
    }));
  });

  it('puts at most five round steps on an axis that reaches up to the most', () => {
    fc.assert(fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (max) => {
      const ticks = ticksTo(max);
      const [step = 0, last = 0] = [ticks[1], ticks.at(-1)];
      assert.ok(ticks.length <= 6 && last >= max * (1 - 1e-6) && last - step < max, `${max}: ${ticks.join(' ')}`);
    }));
  });
});
