import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { BenchFile } from '../../src/commands/bench/rows.js';
import { readStages } from '../../src/commands/bench/stages.js';
import { callCli, runCli } from '../support/cli.js';

const SMALL = ['bench', '--files', '40', '--size', '3000', '--threads', '1', '--concurrency', '4', '--runs', '1', '--key-bits', '2048'];

/** What no bench may leave out. */
function assertMeasured({ version, machine, rows }: BenchFile): void {
  assert.equal(version, 1);
  assert.ok(machine.parallelism > 0);
  assert.deepEqual(rows.map(({ operation }) => operation), ['push', 'pull']);
  for (const row of rows) {
    assert.equal(row.files, 40);
    assert.equal(row.bytes, 120_000);
    assert.ok(row.efficiency > 0 && row.efficiency <= 1, `efficiency ${row.efficiency}`);
    assert.ok(row.cpuSeconds > 0 && row.seconds > 0 && row.peakRssMiB > 10);
    assert.ok(row.latency !== undefined && row.latency.p50Ms <= row.latency.p99Ms, JSON.stringify(row.latency));
    const shares = Object.values(row.stages ?? {});
    assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-6, JSON.stringify(row.stages));
  }
}

describe('sealift bench', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'sealift-test-'));
  after(() => rmSync(cwd, { recursive: true, force: true }));

  it('measures pushes and pulls, and writes numbers and a page', async () => {
    const { code, stdout, stderr } = await runCli([...SMALL, '--json', '--out', 'a.json', '--report', 'a.html'], { cwd });
    assert.equal(code, 0, stderr);
    assertMeasured(JSON.parse(stdout) as BenchFile);
    assertMeasured(JSON.parse(readFileSync(join(cwd, 'a.json'), 'utf8')) as BenchFile);
    const page = readFileSync(join(cwd, 'a.html'), 'utf8');
    assert.match(page, /<svg[^]*<polyline[^]*prefers-color-scheme: dark|prefers-color-scheme: dark[^]*<svg[^]*<polyline/);
    assert.doesNotMatch(page, /https?:\/\/|<script|<link/);
  });

  it('compares two of its files', async () => {
    const { code, stdout, stderr } = await callCli(['bench', 'compare', 'a.json', 'a.json'], { cwd });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /push 40 × 2\.9 KiB, 1 thread × 4 .* 1\.00/);
  });

  it('takes the embedded cloud as its target, counts the second of two rounds by the same threads, and says so', async () => {
    const { code, stdout, stderr } = await callCli([...SMALL, '--target', 'local', '--envelope', 'client-side-encryption', '--warm', '--json', '--out', 'warm.json'], { cwd });
    assert.equal(code, 0, stderr);
    const file = JSON.parse(stdout) as BenchFile;
    assertMeasured(file);
    assert.ok(file.rows.every(({ target, envelope }) => target === 'local' && envelope === 'client-side-encryption'), stdout);
    assert.ok(file.rows.every(({ warm, work }) => warm === true && work.endsWith(', 1 thread × 4, warm')), stdout);
    const compared = await callCli(['bench', 'compare', 'a.json', 'warm.json', '--json'], { cwd });
    const { rows, alone } = JSON.parse(compared.stdout) as { rows: unknown[]; alone: string[] };
    assert.deepEqual([rows.length, alone.length], [0, 4]);
  });

  it('splits the time since the counted round began, and none before', () => {
    const profiles = mkdtempSync(join(cwd, 'profiles-'));
    const frame = (url: string): object => ({ functionName: 'f', url });
    const nodes = [{ id: 1, callFrame: frame(''), children: [2, 3] }, { id: 2, callFrame: frame('file:///x/src/files/a.js') }, { id: 3, callFrame: frame('file:///x/src/store/b.js') }];
    writeFileSync(join(profiles, 'a.cpuprofile'), JSON.stringify({ nodes, startTime: 100, samples: [2, 3], timeDeltas: [10, 20] }));
    assert.equal(readStages(profiles, 0).read, 1 / 3);
    assert.deepEqual([readStages(profiles, 115).read, readStages(profiles, 115).send], [0, 1]);
  });

  it('refuses what it cannot measure', async () => {
    for (const wrong of [['--threads', '1,x'], ['--profile', 'nowhere'], ['--target', 'ftp://x'], ['--profile', 'small', '--files', '3'], ['--key-bits', '1024']]) {
      const { code, stderr } = await callCli(['bench', ...wrong], { cwd });
      assert.equal(code, 2, `${wrong.join(' ')}: ${stderr}`);
    }
    const { code, stderr } = await callCli(['bench', 'compare', 'a.html', 'a.json'], { cwd });
    assert.equal(code, 2, stderr);
  });
});
