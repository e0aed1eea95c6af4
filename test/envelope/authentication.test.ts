import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeName, encodeAttributes, encodeName, parseAttributes } from '../../src/envelope/authentication.js';
import { parseEnvelope, encodeEnvelope } from '../../src/envelope/envelope.js';
import { MAX_MTIME_SECONDS } from '../../src/limits.js';
import { envelopeErrorOf, invalid, OBJECT_BYTES, sealedObject } from './support.js';

const wellFormed = fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }).filter((key) => !/^[/\\]/.test(key));

describe('encodeName', () => {
  it('leaves unreserved bytes and the slash, and escapes every other byte', () => {
    const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
    for (const char of ascii) {
      const escaped = `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
      assert.equal(encodeName(`a${char}`).slice(1), /[A-Za-z0-9\-._~/]/.test(char) ? char : escaped);
    }
    assert.equal(encodeName('目录/ü 1.txt'), '%E7%9B%AE%E5%BD%95/%C3%BC%201.txt');
    assert.equal(encodeName('\ufeffa'), '%EF%BB%BFa');
  });

  it('comes back, for any text, without normalisation', () => {
    fc.assert(fc.property(wellFormed, (key) => {
      assert.equal(decodeName(encodeName(key)), key);
    }), { numRuns: 500 });
    assert.notEqual(encodeName('\u00fc'), encodeName('u\u0308'));
  });

  it('refuses what has no UTF-8 form, is empty, is too long or starts as no object key does', () => {
    for (const key of ['', '/', '/a', '\\a', '/é', '\ud800', 'a\udc00b', '\udc00\ud800']) {
      assert.throws(() => encodeName(key), envelopeErrorOf('name-invalid'), JSON.stringify(key));
    }
    assert.equal(encodeName('x'.repeat(1023)).length, 1023);
    assert.throws(() => encodeName('x'.repeat(1024)), envelopeErrorOf('key-too-long'));
    assert.throws(() => encodeName('語'.repeat(342)), envelopeErrorOf('key-too-long'));
  });
});

describe('decodeName', () => {
  it('takes one spelling only', () => {
    const wrong = [
      '', '/', '/a', '%5Ca', '/%C3%BC', 'a b', 'a%20b, a%20b', 'ü', '%2F', '%61', '%c3%bc', '%C3', '%FF', '%C0%AF', '%ED%A0%80', '%', '%2', '%GG', 'a+b', 'a!', '\n', '%E2%82',
    ];
    for (const encoded of wrong) {
      assert.throws(() => decodeName(encoded), invalid, encoded);
    }
  });

  it('is injective: whatever decodes, encodes back', () => {
    const text = fc.array(fc.constantFrom('a', '/', '%', '2', '0', 'C', '3', 'B', 'c', ' ', '%20', '%C3%BC'), { maxLength: 8 });
    fc.assert(fc.property(text.map((parts) => parts.join('')), (encoded) => {
      try {
        assert.equal(encodeName(decodeName(encoded)), encoded);
      } catch (error) {
        assert.ok(invalid(error), String(error));
      }
    }), { numRuns: 500 });
  });
});

describe('attributes', () => {
  it('have the spellings of the format', () => {
    const table: readonly [number | undefined, bigint | undefined, string][] = [
      [undefined, undefined, ''],
      [0, undefined, 'mode=0'],
      [0o644, undefined, 'mode=644'],
      [0o7777, undefined, 'mode=7777'],
      [undefined, 0n, 'mtime=0.000000000'],
      [undefined, 1n, 'mtime=0.000000001'],
      [undefined, -1n, 'mtime=-1.999999999'],
      [undefined, -500_000_000n, 'mtime=-1.500000000'],
      [undefined, -1_000_000_000n, 'mtime=-1.000000000'],
      [undefined, -1_500_000_000n, 'mtime=-2.500000000'],
      [0o1777, 1_700_000_000_123_456_789n, 'mode=1777,mtime=1700000000.123456789'],
      [undefined, MAX_MTIME_SECONDS * 1_000_000_000n + 999_999_999n, 'mtime=999999999999.999999999'],
      [undefined, -MAX_MTIME_SECONDS * 1_000_000_000n, 'mtime=-999999999999.000000000'],
    ];
    for (const [mode, mtimeNs, text] of table) {
      const attributes = { ...(mode !== undefined && { mode }), ...(mtimeNs !== undefined && { mtimeNs }) };
      assert.equal(encodeAttributes(attributes), text);
      assert.deepEqual(parseAttributes(text), attributes);
    }
  });

  it('come back, for any mode and time', () => {
    const bound = MAX_MTIME_SECONDS * 1_000_000_000n;
    fc.assert(fc.property(fc.nat(0o7777), fc.bigInt(-bound, bound), (mode, mtimeNs) => {
      assert.deepEqual(parseAttributes(encodeAttributes({ mode, mtimeNs })), { mode, mtimeNs });
    }));
  });

  it('refuse modes that are more than permission bits, and times beyond 12 digits', () => {
    for (const mode of [-1, 0o10000, 0.5, NaN]) {
      assert.throws(() => encodeAttributes({ mode }), RangeError);
    }
    const second = 1_000_000_000n;
    for (const mtimeNs of [(MAX_MTIME_SECONDS + 1n) * second, -MAX_MTIME_SECONDS * second - 1n]) {
      assert.throws(() => encodeAttributes({ mtimeNs }), envelopeErrorOf('metadata-too-large'));
    }
  });

  it('refuse every other spelling', () => {
    const wrong = [
      'mode=', 'mode=08', 'mode=0644', 'mode=8', 'mode=77777', 'mode=-1', 'mode=644,', ',mode=644', ' mode=644', 'mode=644\n', 'mode=644,mode=644',
      'mtime=1', 'mtime=1.0', 'mtime=01.000000000', 'mtime=-0.000000000', 'mtime=+1.000000000', 'mtime=1.0000000000', 'mtime=1000000000000.000000000',
      'mtime=1.000000000,mode=644', ',mtime=1.000000000', 'mode=644mtime=1.000000000', 'mode=644, mtime=1.000000000', 'mode=644,mtime=1.000000000, mode=644',
      'uid=0', 'MODE=644', 'mode=644,mtime=1.000000000,x',
    ];
    for (const text of wrong) {
      assert.throws(() => parseAttributes(text), invalid, JSON.stringify(text));
    }
  });
});

describe('the sealift headers', () => {
  const headers = encodeEnvelope(sealedObject().input);

  it('are lower-case hex of exact length', () => {
    for (const suffix of ['tag', 'mac', 'commitment']) {
      const name = `x-oss-meta-sealift-${suffix}`;
      const value = headers[name] ?? '';
      assert.ok(value.length > 0);
      for (const wrong of [value.slice(1), `${value}0`, `${value}00`, value.slice(0, -1).padEnd(value.length, 'A'), value.slice(0, -1).padEnd(value.length, 'g')]) {
        assert.throws(() => parseEnvelope({ ...headers, [name]: wrong }, OBJECT_BYTES), invalid, `${suffix} ${wrong}`);
      }
    }
  });

  it('carry a name and attributes of the one spelling', () => {
    for (const [suffix, wrong] of [['name', 'a%2Fb.txt'], ['name', 'a b'], ['attributes', 'mode=0644']] as const) {
      const name = `x-oss-meta-sealift-${suffix}`;
      assert.throws(() => parseEnvelope({ ...headers, [name]: wrong }, OBJECT_BYTES, 'k'), { message: new RegExp(`^k: .*${name} does not match its grammar$`) });
    }
  });
});
