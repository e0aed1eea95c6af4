import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isDoneLine } from '../../src/manifest/done-line.js';
import { chainOf, encodeLine, FIRST_CHAIN, parseLine, refuseMalformed, splitLine, START } from '../../src/manifest/line.js';
import { lineSchema, type ManifestRecord } from '../../src/manifest/record.js';
import { path } from './support.js';

const started: ManifestRecord = { type: 'started', first: 0, paths: [path('a/ä\u2028b')] };
const done = {
  seq: 2, type: 'done', id: 0, size: 1, mtimeNs: '-1', ctimeNs: '0', ino: '18446744073709551615', etag: 'E', crc64: '0', commitment: 'a'.repeat(64), versionId: 'v',
  mode: 0o7777, chain: '0123456789abcdef',
};

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

describe('the short cut for done lines', () => {
  it('takes a full line and a minimal one', () => {
    const { crc64, commitment, versionId, mode, ...minimal } = done;
    assert.ok(isDoneLine(done));
    assert.ok(isDoneLine(minimal), [crc64, commitment, versionId, mode].join());
  });

  it('accepts nothing that the schema refuses', () => {
    const value = fc.oneof(
      fc.constantFrom<unknown>(undefined, null, true, '', '0', '-0', '-5', '00', '1e3', ' 1', 0, -1, 0.5, 2 ** 53, 4096, 'A'.repeat(64), 'a'.repeat(64), 'b'.repeat(16), {}, []),
      fc.string(), fc.integer(), fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String),
    );
    const changed = fc.record({
      member: fc.constantFrom(...Object.keys(done), 'other', 'toString'), value, remove: fc.boolean(),
    });
    let accepted = 0;
    fc.assert(fc.property(fc.array(changed, { maxLength: 3 }), (changes) => {
      const line: Record<string, unknown> = { ...done };
      for (const change of changes) {
        Object.assign(line, { [change.member]: change.value });
        if (change.remove) {
          Reflect.deleteProperty(line, change.member);
        }
      }
      // Lines come from JSON, which knows no undefined.
      const parsed: unknown = JSON.parse(JSON.stringify(line));
      if (isDoneLine(parsed)) {
        accepted += 1;
        assert.deepEqual(lineSchema.parse(parsed), parsed);
      }
    }), { numRuns: 3000 });
    assert.ok(accepted > 300, `only ${accepted} were accepted`);
  });

  it('leaves everything else to the schema', () => {
    for (const other of [undefined, null, 1, 'done', {}, { ...done, type: 'part' }, { ...done, seq: undefined }]) {
      assert.equal(isDoneLine(other), false);
    }
  });
});
