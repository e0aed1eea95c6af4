import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FileFailure, RunResult } from '../../src/run/options.js';
import { SHOWN_FAILURES, addsUp, closingLines, shellWord, sum, type Closing } from '../../src/report/closing.js';

const result: RunResult = {
  run: 'r1', manifest: '/m/r1.jsonl', scanned: 214, done: 212, skipped: 2, failed: 0, bytes: 86_114_304, exitCode: 0, failures: [], complete: true,
};
const closing: Closing = { label: 'push', elapsedMs: 2000, resumeOptions: '--key k.pem', report: undefined, dryRun: false };

describe('closingLines', () => {
  it('of a complete run say what was done and where it is recorded', () => {
    assert.deepEqual(closingLines(result, closing), [
      'push complete: 214 scanned = 212 done + 2 skipped + 0 failed',
      '  82.1 MiB in 2.0 s, 41 MiB/s',
      '  manifest /m/r1.jsonl',
    ]);
  });

  it('say why entries were skipped', () => {
    const skipped = { ...result, skipped: 1205, skipReasons: { symlink: 1, unchanged: 1202, 'empty-directory': 2 } };
    assert.equal(closingLines(skipped, closing)[2], '  skipped: 1,202 unchanged; 1 symbolic link, not followed; 2 empty directories');
  });

  it('of an unfinished run name the failures, their remedies and how to go on', () => {
    const failures: FileFailure[] = [{ path: 'a', code: 'unreadable', message: 'a cannot be read', remedy: 'chmod u+r a' }, { path: 'b', code: 'vanished', message: 'b is gone' }];
    const lines = closingLines({ ...result, done: 210, failed: 2, exitCode: 3, complete: false, failures }, closing);
    assert.deepEqual(lines.slice(2), [
      '  failed  a: a cannot be read (unreadable)',
      '          chmod u+r a',
      '  failed  b: b is gone (vanished)',
      '  continue with: sealift resume /m/r1.jsonl --key k.pem',
    ]);
    assert.match(lines[0] ?? '', /^push NOT complete \(exit code 3\): 214 scanned = 210 done \+ 2 skipped \+ 2 failed$/);
  });

  it('stop after some failures and say where the others are', () => {
    const failures = Array.from({ length: 50 }, (_, index): FileFailure => ({ path: `f${index}`, code: 'vanished', message: 'gone' }));
    const lines = closingLines({ ...result, done: 0, failed: 2_000, skipped: 0, scanned: 2_000, exitCode: 3, complete: false, failures }, closing);
    assert.equal(lines.filter((line) => line.startsWith('  failed')).length, SHOWN_FAILURES);
    assert.ok(lines.includes('  … and 1,990 more; all of them: sealift status /m/r1.jsonl'));
  });

  it('of a rewrap that was interrupted say that the same command goes on', () => {
    const { manifest: _, ...rest } = result;
    const rewrap: Closing = { ...closing, label: 'rewrap', resumeOptions: undefined };
    assert.equal(closingLines({ ...rest, run: 'rewrap', exitCode: 130, complete: false }, rewrap).at(-1), '  continue with: the same command');
    assert.equal(closingLines({ ...rest, run: 'rewrap' }, rewrap).at(-1), '  82.1 MiB under the new key, none of it moved, in 2.0 s');
  });

  it('of a verification do not send anybody to the manifest, which has none of the failures', () => {
    const failures = Array.from({ length: 50 }, (_, index): FileFailure => ({ path: `f${index}`, code: 'missing', message: 'gone' }));
    const failed = { ...result, done: 0, failed: 2_000, skipped: 0, scanned: 2_000, exitCode: 4, complete: false, failures };
    const verified: Closing = { ...closing, label: 'verify', resumeOptions: undefined };
    assert.deepEqual(closingLines(failed, verified).slice(-2), ['  … and 1,990 more; all of them: pass --report FILE', '  manifest /m/r1.jsonl']);
    assert.equal(closingLines(failed, { ...verified, report: '/p/proof.json' }).at(-2), '  … and 1,990 more; all of them: /p/proof.json');
  });

  it('say what stopped the run, and what to do about it', () => {
    const error = { code: 'bucket-missing', message: 'there is no bucket b', remedy: 'check its name' } as const;
    const lines = closingLines({ ...result, exitCode: 2, complete: false, error }, closing);
    assert.deepEqual(lines.slice(2, 4), ['  stopped: there is no bucket b (bucket-missing)', '          check its name']);
    const failed: FileFailure = { path: 'a', ...error };
    const once = closingLines({ ...result, done: 211, failed: 1, exitCode: 2, complete: false, error, failures: [failed] }, closing);
    assert.deepEqual(once.slice(2, 4), ['  failed  a: there is no bucket b (bucket-missing)', '          check its name']);
  });

  it('call an interruption by its name', () => {
    const [first, ...others] = closingLines({ ...result, exitCode: 130, complete: false, error: { code: 'interrupted', message: 'interrupted' } }, closing);
    assert.match(first ?? '', /^push interrupted \(exit code 130\)/);
    assert.doesNotMatch(others.join('\n'), /stopped/);
  });

  it('offer nothing to resume where nothing can be', () => {
    const lines = closingLines({ ...result, exitCode: 4, complete: false }, { ...closing, resumeOptions: undefined });
    assert.ok(!lines.join('\n').includes('resume'));
  });

  it('of a dry run claim nothing', () => {
    const lines = closingLines(result, { ...closing, dryRun: true });
    assert.deepEqual(lines, ['push planned: 214 scanned = 212 done + 2 skipped + 0 failed', '  nothing was sent or written']);
  });

  it('print no name as it comes', () => {
    const failures: FileFailure[] = [{ path: 'a\u001b[2J', code: 'exists', message: 'm\u202e', remedy: 'r\n' }];
    const text = closingLines({ ...result, manifest: '/m\u0007', failed: 1, done: 211, exitCode: 3, complete: false, failures }, closing).join('|');
    assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u202e]/);
  });
});

describe('addsUp and sum', () => {
  it('show a sum that holds as one, and another as what it is', () => {
    assert.ok(addsUp(result) && !addsUp({ ...result, scanned: 215 }));
    assert.equal(sum({ ...result, scanned: 215 }), '215 scanned ≠ 212 done + 2 skipped + 0 failed');
  });
});

describe('shellWord', () => {
  const cases = [['a/b-c.jsonl', 'a/b-c.jsonl'], ['a b', "'a b'"], ["it's", String.raw`'it'\''s'`], ['', "''"], ['$(x)', "'$(x)'"]] as const;
  for (const [text, word] of cases) {
    it(`quotes ${JSON.stringify(text)} as needed`, () => assert.equal(shellWord(text), word));
  }
});
