import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effective, ProgressEvent, RunEvent } from '../../src/run/events.js';
import type { RunResult } from '../../src/run/options.js';
import { LINE_INTERVAL_MS, type Display } from '../../src/report/display.js';
import { createProgressMeter } from '../../src/report/progress.js';
import { createReporter, type ReporterOptions } from '../../src/report/reporter.js';

const effective: Effective = {
  threads: 2, threadsAtOnce: 1, concurrency: 16, partBytes: 8_388_608, memoryBytes: 268_435_456, singlePutBytes: 67_108_864, envelope: 'oss-crypto',
  endpoint: 'http://127.0.0.1:1', region: 'cn-hangzhou', bucket: 'b', prefix: 'p', masterKeys: ['SHA256:ab'],
};
const start: RunEvent = { event: 'start', run: 'r1', manifest: '/m.jsonl', effective };
const counters = { scanned: 3, done: 1, skipped: 1, failed: 1, bytes: 10 };
const summary: RunEvent = { event: 'summary', ...counters, exitCode: 3 };
const result: RunResult = { ...counters, exitCode: 3, run: 'r1', manifest: '/m.jsonl', failures: [{ path: 'a', code: 'vanished', message: 'gone' }], complete: false };

function progress(fields: Partial<ProgressEvent>): ProgressEvent {
  return { event: 'progress', ...counters, scannedBytes: 100, movedBytes: 50, scanning: false, ...fields };
}

class Page {
  text = '';
  readonly isTTY: boolean;
  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }
  write(text: string): void {
    this.text += text;
  }
  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

function bench(options: Partial<ReporterOptions> = {}) {
  const stdout = new Page();
  const stderr = new Page(options.bars !== undefined);
  const clock = { ms: Date.UTC(2026, 0, 2) };
  const reporter = createReporter({ label: 'push', stdout, stderr, now: () => clock.ms, json: false, quiet: false, progress: true, dryRun: false, ...options });
  return { reporter, stdout, stderr, clock };
}

describe('a report for people', () => {
  it('names the run at once and puts the summary on stdout', () => {
    const { reporter, stdout, stderr } = bench();
    [start, summary].forEach(reporter.onEvent);
    reporter.finish(result, { resumeOptions: '', report: undefined });
    assert.deepEqual(stderr.lines, ['push oss://b/p, run r1, up to 2 threads with 16 requests each']);
    assert.match(stdout.lines[0] ?? '', /^push NOT complete \(exit code 3\): 3 scanned = 1 done \+ 1 skipped \+ 1 failed$/);
    assert.equal(stdout.lines.at(-1), '  continue with: sealift resume /m.jsonl');
  });

  it('says how many threads there are where the number was asked for', () => {
    const lineOf = (threads: number): string | undefined => {
      const { reporter, stderr } = bench();
      reporter.onEvent({ ...start, effective: { ...effective, threads, threadsAtOnce: threads } });
      return stderr.lines[0];
    };
    assert.deepEqual([1, 2].map(lineOf), ['1 thread', '2 threads'].map((threads) => `push oss://b/p, run r1, ${threads} with 16 requests each`));
  });

  it('writes a line every few seconds where there is no terminal', () => {
    const { reporter, stderr, clock } = bench();
    const feed = (afterMs: number): void => {
      clock.ms += afterMs;
      reporter.onEvent(progress({ movedBytes: 50 }));
    };
    feed(LINE_INTERVAL_MS - 1);
    assert.deepEqual(stderr.lines, []);
    feed(1);
    assert.equal(stderr.lines.length, 1);
    assert.match(stderr.text, /^push: 3 of 3 files, 50 B of 100 B, \d+ B\/s, .* left, 1 failed\n$/);
    feed(LINE_INTERVAL_MS / 2);
    assert.equal(stderr.lines.length, 1);
    feed(LINE_INTERVAL_MS / 2);
    assert.equal(stderr.lines.length, 2);
  });

  it('says nothing of progress when asked not to', () => {
    const { reporter, stderr, clock } = bench({ progress: false });
    reporter.onEvent(start);
    clock.ms += 10 * LINE_INTERVAL_MS;
    reporter.onEvent(progress({}));
    assert.equal(stderr.text, '');
  });

  it('draws bars on a terminal, and takes them away before the summary', () => {
    const calls: string[] = [];
    const bars = (): Display => ({ update: () => calls.push('update'), line: () => calls.push('line'), stop: () => calls.push('stop') });
    const { reporter } = bench({ bars });
    [start, progress({}), summary].forEach(reporter.onEvent);
    reporter.finish(result, { resumeOptions: '', report: undefined });
    assert.deepEqual(calls, ['line', 'update', 'stop']);
  });

  it('passes warnings on, escaped', () => {
    const { reporter, stderr } = bench();
    reporter.onEvent({ event: 'notice', level: 'warning', message: 'a\u001b[31m is unauthenticated' });
    reporter.onEvent({ event: 'notice', level: 'info', message: 'recovered' });
    assert.deepEqual(stderr.lines, [String.raw`warning: a\x1b[31m is unauthenticated`, 'recovered']);
  });

  it('is silent about success when quiet, and speaks of failures on stderr', () => {
    const fine = bench({ quiet: true });
    [start, progress({}), { event: 'notice', level: 'info', message: 'x' } as const].forEach(fine.reporter.onEvent);
    fine.reporter.finish({ ...result, failed: 0, scanned: 2, exitCode: 0, failures: [], complete: true }, { resumeOptions: '', report: undefined });
    assert.equal(fine.stdout.text + fine.stderr.text, '');
    const bad = bench({ quiet: true });
    bad.reporter.finish(result, { resumeOptions: '', report: undefined });
    assert.equal(bad.stdout.text, '');
    assert.match(bad.stderr.text, /failed {2}a: gone/);
  });
});

describe('a dry run', () => {
  it('prints the effective numbers and the plan', () => {
    const { reporter, stdout } = bench({ dryRun: true });
    reporter.onEvent(start);
    reporter.onEvent({ event: 'file', path: 'a\u0007', key: 'p/a', state: 'planned', bytes: 2048 });
    reporter.onEvent({ event: 'file', path: 'l', key: 'p/l', state: 'skipped', code: 'symlink' });
    const text = stdout.text;
    for (const part of ['oss://b/p in cn-hangzhou', '16 in flight per thread', '8 MiB', '256 MiB', 'threads      up to 2', 'SHA256:ab', 'bandwidth    no limit']) {
      assert.ok(text.includes(part), `${part} is missing in ${text}`);
    }
    assert.ok(text.includes(String.raw`  planned  a\x07  2 KiB`) && text.includes('  skipped  l  symlink'), text);
    const narrow = bench({ dryRun: true });
    narrow.reporter.onEvent({ ...start, effective: { ...effective, bandwidthBytesPerSecond: 10_485_760 } });
    assert.match(narrow.stdout.text, /^ {2}bandwidth {4}10 MiB per second$/m);
  });
});

describe('a report for programs', () => {
  it('is one object per line on stdout, in order, and words on stderr', () => {
    const { reporter, stdout, stderr } = bench({ json: true });
    [start, progress({}), { event: 'file', path: 'a', key: 'p/a', state: 'failed', code: 'vanished' } as const, summary].forEach(reporter.onEvent);
    reporter.finish(result, { resumeOptions: '', report: undefined });
    const events = stdout.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(events.map(({ event }) => event), ['start', 'progress', 'file', 'summary']);
    for (const event of events) {
      assert.deepEqual(Object.keys(event).slice(0, 3), ['v', 'event', 'time']);
      assert.deepEqual([event['v'], event['time']], [1, '2026-01-02T00:00:00.000Z']);
    }
    assert.deepEqual(events.at(-1), { v: 1, event: 'summary', time: '2026-01-02T00:00:00.000Z', ...counters, exitCode: 3 });
    assert.match(stderr.text, /push NOT complete/);
  });

  it('ends with a summary when the run stops before its own, and only then', () => {
    const failure = { code: 'locked', message: 'run r1 is locked', exitCode: 8 } as const;
    const early = bench({ json: true });
    early.reporter.fail(failure);
    early.reporter.fail(failure);
    assert.equal(early.stdout.lines.length, 1);
    const expected = { v: 1, event: 'summary', time: '2026-01-02T00:00:00.000Z', scanned: 0, done: 0, skipped: 0, failed: 0, bytes: 0, exitCode: 8, error: { code: 'locked', message: 'run r1 is locked' } };
    assert.deepEqual(JSON.parse(early.stdout.text), expected);
    const late = bench({ json: true });
    late.reporter.onEvent(summary);
    late.reporter.fail(failure);
    assert.equal(late.stdout.lines.length, 1);
  });

  it('writes nothing for people to stdout, whatever happens', () => {
    const { reporter, stdout } = bench({ json: true, dryRun: true });
    [start, { event: 'notice', level: 'warning', message: 'x' } as const, summary].forEach(reporter.onEvent);
    reporter.finish(result, { resumeOptions: '', report: undefined });
    stdout.lines.forEach((line) => JSON.parse(line) as unknown);
    assert.equal(stdout.lines.length, 3);
  });
});

describe('createProgressMeter', () => {
  it('leaves skipped and failed files out of what has to be moved', () => {
    const meter = createProgressMeter(() => 0);
    meter.observe({ event: 'file', path: 'a', key: 'a', state: 'skipped', bytes: 30 });
    meter.observe({ event: 'file', path: 'b', key: 'b', state: 'failed', bytes: 10 });
    meter.observe({ event: 'file', path: 'c', key: 'c', state: 'done', bytes: 50 });
    meter.observe(progress({ scannedBytes: 100, movedBytes: 50 }));
    assert.equal(meter.current().wantedBytes, 60);
  });

  it('knows no time left while the walk goes on, and none is left at the end', () => {
    const clock = { ms: 0 };
    const meter = createProgressMeter(() => clock.ms);
    clock.ms = 1000;
    meter.observe(progress({ movedBytes: 50, scanning: true }));
    assert.equal(meter.current().etaMs, undefined);
    meter.observe(progress({ movedBytes: 50, scanning: false }));
    assert.equal(Math.round(meter.current().etaMs ?? 0), 1000);
    meter.observe(progress({ movedBytes: 100, scanning: false }));
    assert.equal(meter.current().etaMs, 0);
  });

  it('never shows more moved than wanted', () => {
    const meter = createProgressMeter(() => 0);
    meter.observe(progress({ scannedBytes: 10, movedBytes: 20 }));
    assert.equal(meter.current().wantedBytes, 20);
  });
});
