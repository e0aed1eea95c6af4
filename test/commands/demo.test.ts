import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { compareTrees } from '../../src/commands/demo/compare.js';
import { envelopeLines } from '../../src/commands/demo/envelope.js';
import { PartCounter } from '../../src/commands/demo/part-counter.js';
import type { RequestRecord } from '../../src/local/request-log.js';

describe('the comparison that the demo stakes its word on', () => {
  const root = mkdtempSync(join(tmpdir(), 'sealift-compare-'));
  const [left, right] = [join(root, 'left'), join(root, 'right')];
  after(() => rmSync(root, { recursive: true }));
  beforeEach(() => {
    for (const tree of [left, right]) {
      rmSync(tree, { recursive: true, force: true });
      mkdirSync(join(tree, 'sub/empty'), { recursive: true });
      writeFileSync(join(tree, 'sub/a'), 'alpha');
      writeFileSync(join(tree, 'b'), '');
      ['sub/a', 'b'].forEach((name) => utimesSync(join(tree, name), 1_700_000_000, 1_700_000_000.25));
    }
  });

  it('holds for equal trees, and counts', () => {
    assert.deepEqual(compareTrees(left, right), { files: 2, directories: 2, bytes: 5, differences: [] });
  });

  const changes: readonly (readonly [string, () => void, readonly string[]])[] = [
    ['one flipped byte', () => rewrite('sub/a', 'alphb'), ['sub/a']],
    ['a missing file', () => rmSync(join(right, 'b')), ['b']],
    ['a missing empty directory', () => rmSync(join(right, 'sub/empty'), { recursive: true }), ['sub/empty']],
    ['a file too many', () => writeFileSync(join(right, 'c'), ''), ['c']],
    ['another mode', () => chmodSync(join(right, 'b'), 0o600), ['b']],
    ['another time', () => utimesSync(join(right, 'b'), 1_700_000_000, 1_700_000_000.26), ['b']],
    ['a file in the place of a directory', () => replaceByFile('sub/empty'), ['sub/empty']],
    ['another name', () => renameSync(join(right, 'b'), join(right, 'B')), ['b', 'B']],
  ];
  for (const [name, change, differences] of changes) {
    it(`notices ${name}`, () => {
      change();
      assert.deepEqual(compareTrees(left, right).differences, differences);
    });
  }

  function rewrite(name: string, content: string): void {
    writeFileSync(join(right, name), content);
    utimesSync(join(right, name), 1_700_000_000, 1_700_000_000.25);
  }

  function replaceByFile(name: string): void {
    rmSync(join(right, name), { recursive: true });
    writeFileSync(join(right, name), '');
  }
});

describe('PartCounter', () => {
  const part = (partNumber: number, status = 200): RequestRecord => ({
    service: 'oss', sequence: 1, operation: 'UploadPart', method: 'PUT', bucket: 'b', key: 'k', query: {}, uploadId: 'u', partNumber, accessKeyId: 'a',
    time: '', requestId: '', status, metadata: {}, bytes: 1, bodySha256: '', prefixSha256: [], aborted: false,
  });

  it('counts confirmed parts once, and aborts at the goal', () => {
    const counter = new PartCounter();
    const reached = counter.reached(2);
    [part(1), part(1), part(2, 0)].forEach(counter.observe);
    assert.deepEqual([counter.count, reached.aborted], [1, false]);
    counter.observe(part(2));
    assert.deepEqual([counter.count, reached.aborted], [2, true]);
  });

  it('notices a part that an earlier session had sent', () => {
    const counter = new PartCounter();
    counter.observe(part(1));
    counter.nextSession();
    counter.observe(part(2));
    assert.deepEqual([counter.count, counter.repeated], [1, 0]);
    counter.observe(part(1));
    assert.deepEqual([counter.count, counter.repeated], [2, 1]);
  });
});

describe('envelopeLines', () => {
  it('shows what is there, shortened and escaped', () => {
    const lines = envelopeLines({ 'x-oss-meta-oss-wrap-alg': 'rsa', 'x-oss-meta-oss-crypto-key': 'A'.repeat(400), 'x-oss-meta-sealift-name': 'a\u001b[2J', 'x-oss-meta-other': 'no' });
    assert.equal(lines.length, 3);
    assert.match(lines.join('\n'), /A{34}… [\s\S]*oss-wrap-alg +rsa +how the data key is wrapped[\s\S]*a\\x1b\[2J/);
    assert.ok(lines.every((line) => line.length < 110));
  });
});
