import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { chainOf, encodeLine, FIRST_CHAIN, parseLine, refuseMalformed, splitLine, START } from '../../src/manifest/line.js';
import { manifestJsonSchema } from '../../src/manifest/json-schema.js';
import { lineShape, type ManifestRecord } from '../../src/manifest/record.js';
import { path } from './support.js';

const started: ManifestRecord = { type: 'started', first: 0, paths: [path('a/ä\u2028b')] };

const time = '2026-11-23T09:00:00.000Z';
const stat = { size: 1, mtimeNs: '-999999999999000000000', ctimeNs: '0', ino: '18446744073709551615' };
const place = { seq: 2, chain: '0123456789abcdef' };
/** One of every type, with every member. */
const LINES: readonly Readonly<Record<string, unknown> & { type: string }>[] = [
  {
    type: 'open', version: 1, run: 'R', kind: 'push', createdAt: time, root: { path: '/a', dev: '1', ino: '2' }, keyFingerprint: '', partBytes: 0,
    target: { endpoint: 'e', region: 'r', bucket: 'b', prefix: '' }, envelope: 'oss-crypto', options: { a: 'b', c: 1.5, d: true, e: ['f'] },
  },
  { type: 'session', time, version: '1', pid: 1, host: '', options: {} },
  { type: 'started', first: 0, paths: ['a', 'b'] },
  { type: 'restarted', ids: [0, 1] },
  { type: 'done', id: 0, ...stat, etag: 'E', crc64: '0', commitment: 'a'.repeat(64), versionId: 'v', mode: 0o7777 },
  {
    type: 'sealed', id: 0, path: 'a', ...stat, dev: '0', mode: 0, metadata: { 'x-oss-meta-a': 'b' }, partBytes: 16, digests: 'AAAA', attempt: 1, recoverable: true,
    resumeKey: '',
  },
  { type: 'upload', id: 0, uploadId: 'U' },
  { type: 'part', id: 0, number: 1, etag: '', crc64: '1' },
  { type: 'abandoned', id: 0, uploadId: '', code: 'vanished' },
  { type: 'fetching', id: 0, path: 'a', temporary: 't', etag: '', commitment: 'b'.repeat(64), size: 0, rangeBytes: 16 },
  { type: 'range', id: 0, number: 0 },
  { type: 'failed', id: 0, path: 'a', code: 'vanished', message: '', remedy: '', retryable: false },
  { type: 'skipped', id: 0, path: 'a', reason: 'symlink', target: '' },
  { type: 'directory', id: 0, path: 'a' },
  { type: 'close', time, scanned: 0, done: 0, skipped: 0, failed: 0, bytes: 0, exitCode: 255, complete: true },
].map((line) => ({ ...line, ...place }));

describe('a manifest line', () => {
  it('reads back as the record it was made from, with number and chain', () => {
    const { text, chain } = encodeLine(started, { offset: 100, seq: 41, chain: FIRST_CHAIN });
    assert.deepEqual(parseLine(text), { ...started, seq: 42, chain });
    assert.ok(!text.includes('\n'));
  });

  it('is chained over its text without the chain member', () => {
    const { text, chain } = encodeLine(started, START);
    const body = text.replace(`,"chain":"${chain}"`, '');
    assert.deepEqual(splitLine(text), { body, chain });
    assert.equal(chainOf(FIRST_CHAIN, body), chain);
    assert.notEqual(chainOf('1'.repeat(16), body), chain);
  });

  it('is no line without a chain member at its end', () => {
    for (const text of ['', '{}', `{"seq":1,"chain":"0123456789abcdef","a":1}`, `{"seq":1,"chain":"0123456789abcdef"`, `{"seq":1,"chain":"0123456789abcdef"]`]) {
      assert.equal(splitLine(text), undefined, text);
    }
  });

  it('has no record when it is no JSON, of another shape, or missing', () => {
    for (const text of [undefined, '', '{', '[]', 'null', '{"seq":1,"type":"other","chain":"0123456789abcdef"}']) {
      assert.equal(parseLine(text), undefined, text);
    }
  });

  it('is refused on the way in when no reader would accept it', () => {
    const bad = [
      { type: 'done', id: -1, size: 1, mtimeNs: '1', ctimeNs: '1', ino: '1', etag: '' },
      { type: 'done', id: 0, size: 1, mtimeNs: '1'.repeat(22), ctimeNs: '1', ino: '1', etag: '' },
      { type: 'done', id: 0, size: 1, mtimeNs: '01', ctimeNs: '1', ino: '1', etag: '' },
      { type: 'done', id: 0, size: 1, mtimeNs: '1', ctimeNs: '1', ino: '1', etag: '', mode: 0o100644 },
      { type: 'started', first: 0, paths: [] },
    ] as unknown as ManifestRecord[];
    for (const record of bad) {
      assert.throws(() => refuseMalformed(record), TypeError);
    }
    refuseMalformed(started);
  });
});

describe('the shape of a line', () => {
  // Another hand's reading of the schema that is published.
  const validate = new Ajv2020({ strict: true, validateFormats: false }).compile(manifestJsonSchema());
  const value = fc.oneof(
    fc.constantFrom<unknown>(null, true, '', '0', '-0', '-5', '00', '1e3', ' 1', 0, -1, 0.5, 2 ** 53, 4096, 'A'.repeat(64), 'a'.repeat(64), 'b'.repeat(16), 'AA==', 'AAAA\n'),
    fc.constantFrom<unknown>({}, [], [null], [''], [1], ['a'], { 'x-oss-meta-a': 1 }, { 'x-oss-meta-ä': '' }, { a: null }, { a: [1] }, { path: '', dev: '0', ino: '0' }),
    fc.constantFrom('push', 'oss-crypto', time, '2026-02-29T09:00:00Z', '2024-02-29T09:00:00Z', ...LINES.map(({ type }) => type)),
    fc.string(), fc.integer(), fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String),
  );
  const names = [...new Set(LINES.flatMap((line) => Object.keys(line))), 'other', 'toString'];
  const change = fc.record({ member: fc.constantFrom(...names), value, remove: fc.boolean() });

  it('accepts every type, with and without what may be absent', () => {
    for (const line of LINES) {
      assert.ok(lineShape.accepts(line), line.type);
      const needed = Object.entries(line).filter(([name]) => !validate({ ...line, [name]: undefined }));
      assert.ok(lineShape.accepts(Object.fromEntries(needed)), line.type);
    }
  });

  it('accepts what the published schema accepts, and nothing else', () => {
    const count = { accepted: 0, refused: 0 };
    fc.assert(fc.property(fc.constantFrom(...LINES), fc.array(change, { minLength: 1, maxLength: 2 }), (line, changes) => {
      const changed: Record<string, unknown> = { ...line };
      for (const { member, value: other, remove } of changes) {
        changed[member] = other;
        if (remove) {
          Reflect.deleteProperty(changed, member);
        }
      }
      const isLine = lineShape.accepts(changed);
      count[isLine ? 'accepted' : 'refused'] += 1;
      assert.equal(isLine, validate(changed), JSON.stringify(changed));
    }), { numRuns: 5000 });
    assert.ok(count.accepted > 300 && count.refused > 300, JSON.stringify(count));
  });

  it('takes no member that would become a prototype', () => {
    const [open] = LINES;
    const text = JSON.stringify({ ...open, options: {} });
    assert.ok(lineShape.accepts(JSON.parse(text)));
    assert.ok(!lineShape.accepts(JSON.parse(text.replace('"options":{}', '"options":{"__proto__":["a"]}'))));
    assert.ok(!lineShape.accepts(JSON.parse(text.replace('"options":{}', '"options":{},"__proto__":{}'))));
  });

  it('refuses numbers that JSON cannot hold', () => {
    const [open] = LINES;
    for (const number of [NaN, Infinity, -Infinity]) {
      assert.ok(!lineShape.accepts({ ...open, options: { number } }));
      assert.ok(!lineShape.accepts({ ...open, partBytes: number }));
    }
  });
});
