import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeEnvelope, metadataBytes, parseEnvelope, type EnvelopeInput } from '../../src/envelope/envelope.js';
import { EnvelopeError } from '../../src/errors.js';
import { MAX_METADATA_BYTES, MAX_PLAINTEXT_BYTES } from '../../src/limits.js';
import type { Metadata } from '../../src/store/store.js';
import { FOREIGN_FAMILIES, loadGcmObjects, loadObjects, loadSealiftObjects } from '../vectors/load.js';
import { clientSide, envelopeErrorOf, invalid, OBJECT_BYTES, sealedObject } from './support.js';

const { input } = sealedObject();
const HEADERS = encodeEnvelope(input);
const CLIENT_HEADERS = encodeEnvelope({ ...clientSide(input), multipart: { dataSizeBytes: OBJECT_BYTES, partSizeBytes: 64 } });
const AUTHENTICATION = ['version', 'name', 'tag', 'mac', 'commitment'].map((suffix) => `x-oss-meta-sealift-${suffix}`);
const CLIENT = 'x-oss-meta-client-side-encryption-';

function without(headers: Metadata, ...names: readonly string[]): Metadata {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

function assertInvalid(headers: Metadata, what: string, objectBytes = OBJECT_BYTES): void {
  assert.throws(() => parseEnvelope(headers, objectBytes, 'k'), invalid, what);
}

describe('vectors', () => {
  for (const family of FOREIGN_FAMILIES) {
    it(`${family}: parses as foreign`, () => {
      for (const { metadata, size } of loadObjects(family)) {
        const envelope = parseEnvelope(metadata, size);
        assert.ok(envelope);
        assert.equal(envelope.authentication, undefined);
        assert.equal(envelope.family, family.includes('legacy') ? 'oss-crypto' : 'client-side-encryption');
        assert.equal(envelope.lengthBytes, size);
        assert.equal(envelope.wrappedKey, Object.entries(metadata).find(([name]) => name.endsWith('-key'))?.[1]);
        assert.equal(envelope.wrappedStart, Object.entries(metadata).find(([name]) => name.endsWith('-start'))?.[1]);
      }
    });
  }

  it('have the multipart sizes and material description that their writers gave', () => {
    const envelopes = loadObjects('python-new-rsa').map(({ metadata, size }) => parseEnvelope(metadata, size));
    assert.deepEqual(envelopes.find((envelope) => envelope?.multipart)?.multipart, { dataSizeBytes: 300_000, partSizeBytes: 102_400 });
    assert.deepEqual(envelopes.find((envelope) => envelope?.materialDescription)?.materialDescription, { a: 'one/中', b: 'two' });
  });

  it('gcm-read-as-ctr: parses in both families', () => {
    for (const { metadata, size } of loadGcmObjects()) {
      assert.equal(parseEnvelope(metadata, size)?.lengthBytes, size);
    }
  });

  it('sealift-v1: parses, and encodes again to the same headers in the same order', () => {
    for (const { metadata, size, name, envelope: family } of loadSealiftObjects()) {
      const envelope = parseEnvelope(metadata, size);
      assert.ok(envelope?.authentication);
      assert.equal(envelope.authentication.name, name);
      assert.equal(envelope.family, family);
      assert.equal(JSON.stringify(encodeEnvelope({ ...envelope, authentication: envelope.authentication })), JSON.stringify(metadata));
    }
  });
});

describe('encodeEnvelope', () => {
  it('gives frozen headers that parse to what went in', () => {
    assert.ok(Object.isFrozen(HEADERS));
    const { authentication, ...rest } = parseEnvelope(HEADERS, OBJECT_BYTES) ?? assert.fail('parsed to null');
    assert.deepEqual(authentication, { ...input.authentication, name: 'a/b.txt' });
    assert.deepEqual({ ...rest, authentication: input.authentication }, { ...input, cekAlgorithm: 'AES/GCM/NoPadding' });
  });

  it('round-trips any description, attributes and wrapped bytes in both families', () => {
    const base64 = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    const description = fc.option(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { maxKeys: 4 }), { nil: undefined });
    fc.assert(fc.property(base64, base64, description, fc.boolean(), (wrappedKey, wrappedStart, materialDescription, isClientSide) => {
      const given = { ...(isClientSide ? clientSide(input) : input), wrappedKey, wrappedStart, materialDescription };
      const headers = encodeEnvelope(given);
      const envelope = parseEnvelope(headers, OBJECT_BYTES);
      assert.ok(Object.values(headers).every((value) => /^[ -~]+$/.test(value)));
      assert.deepEqual([envelope?.wrappedKey, envelope?.wrappedStart], [wrappedKey, wrappedStart]);
      assert.deepEqual(Object.entries(envelope?.materialDescription ?? {}).sort(), Object.entries(materialDescription ?? {}).sort());
    }));
  });

  it('writes multipart sizes only in the family that has them', () => {
    const multipart = { dataSizeBytes: OBJECT_BYTES, partSizeBytes: 64 };
    assert.deepEqual(encodeEnvelope({ ...input, multipart }), HEADERS);
    assert.deepEqual(parseEnvelope(CLIENT_HEADERS, OBJECT_BYTES)?.multipart, multipart);
    assert.deepEqual([CLIENT_HEADERS[`${CLIENT}data-size`], CLIENT_HEADERS[`${CLIENT}part-size`]], ['100', '64']);
  });

  it('writes neither MD5 nor description nor attributes unless asked', () => {
    const bare = encodeEnvelope({ ...input, authentication: { ...input.authentication, attributes: '' } });
    assert.ok(!Object.keys(bare).some((name) => /md5|matdesc|attributes/.test(name)));
    const md5 = 'XrY7u+Ae7tCTyyK7j1rNww==';
    assert.equal(encodeEnvelope({ ...input, contentMd5: md5 })['x-oss-meta-unencrypted-content-md5'], md5);
    assert.equal(encodeEnvelope({ ...clientSide(input), contentMd5: md5 })[`${CLIENT}unencrypted-content-md5`], md5);
  });

  it('never writes what its own reader refuses', () => {
    const wrong: readonly Partial<EnvelopeInput>[] = [
      { wrappedKey: 'not base64' }, { wrappedKey: '' }, { wrappedStart: 'QUI' }, { wrapAlgorithm: 'KMS/ALICLOUD' },
      { lengthBytes: -1 }, { lengthBytes: 0.5 }, { lengthBytes: MAX_PLAINTEXT_BYTES + 1 },
      { authentication: { ...input.authentication, tag: Buffer.alloc(15) } },
      ...['A'.repeat(64), 'a'.repeat(62), `${'a'.repeat(64)}\n`].map((commitment) => ({ authentication: { ...input.authentication, commitment } })),
      { authentication: { ...input.authentication, encodedName: 'a b' } },
      { authentication: { ...input.authentication, attributes: 'mode=9' } },
    ];
    for (const change of wrong) {
      assert.throws(() => encodeEnvelope({ ...input, ...change }), invalid, JSON.stringify(change));
    }
    assert.throws(() => encodeEnvelope({ ...clientSide(input), multipart: { dataSizeBytes: 99, partSizeBytes: 64 } }), invalid);
    for (const contentMd5 of ['', 'QUI=', 'XrY7u+Ae7tCTyyK7j1rNww', 'x'.repeat(24)]) {
      assert.throws(() => encodeEnvelope({ ...input, contentMd5 }), envelopeErrorOf('usage'), contentMd5);
    }
  });

  it('carries the user\'s own metadata beside ours', () => {
    const headers = encodeEnvelope({ ...input, userMetadata: { 'x-oss-meta-owner': 'me', 'x-oss-meta-empty': '' } });
    assert.deepEqual({ ...HEADERS, 'x-oss-meta-owner': 'me', 'x-oss-meta-empty': '' }, headers);
    assert.deepEqual(parseEnvelope(headers, OBJECT_BYTES), parseEnvelope(HEADERS, OBJECT_BYTES));
  });

  it('refuses user metadata under our names, or that is no header', () => {
    const names = [
      'x-oss-meta-sealift-note', 'x-oss-meta-oss-crypto-x', 'x-oss-meta-oss-cek-x', 'x-oss-meta-oss-wrap-x', 'x-oss-meta-oss-matdesc',
      `${CLIENT}x`, 'x-oss-meta-unencrypted-content-length', 'x-oss-meta-unencrypted-content-md5', 'X-Oss-Meta-Sealift-Name',
      'x-oss-meta-Owner', 'x-oss-meta-', 'owner', 'x-oss-meta-a b', 'x-oss-meta-a\n', '__proto__',
    ];
    for (const name of names) {
      const userMetadata = JSON.parse(`{${JSON.stringify(name)}:"v"}`) as Metadata;
      assert.throws(() => encodeEnvelope({ ...input, userMetadata }), envelopeErrorOf('usage'), name);
    }
    for (const value of ['é', 'a\nb', 'a\u0000', '\u007f']) {
      assert.throws(() => encodeEnvelope({ ...input, userMetadata: { 'x-oss-meta-a': value } }), envelopeErrorOf('usage'), value);
    }
  });

  it('counts full names and values against 8 KiB', () => {
    const own = metadataBytes(HEADERS);
    const name = 'x-oss-meta-a';
    const fits = 'v'.repeat(MAX_METADATA_BYTES - own - name.length);
    assert.equal(metadataBytes(encodeEnvelope({ ...input, userMetadata: { [name]: fits } })), MAX_METADATA_BYTES);
    assert.throws(() => encodeEnvelope({ ...input, userMetadata: { [name]: `${fits}v` } }), envelopeErrorOf('metadata-too-large'));
  });

  it('has room for the longest key under a 4096-bit master key', () => {
    const { input: longest } = sealedObject('語'.repeat(341));
    const wrapped = Buffer.alloc(512).toString('base64');
    assert.ok(encodeEnvelope({ ...longest, wrappedKey: wrapped, wrappedStart: wrapped }));
  });
});

describe('parseEnvelope', () => {
  it('returns null for a plain object, whatever other metadata it has', () => {
    assert.equal(parseEnvelope({}, 5), null);
    assert.equal(parseEnvelope({ 'x-oss-meta-owner': 'me', 'x-oss-meta-unencrypted-content-length': '9' }, 5), null);
    assert.equal(parseEnvelope({ 'x-oss-meta-ossify': 'me', 'x-oss-meta-sealifted': '1' }, 5), null);
  });

  it('ignores metadata that is not ours, and the MD5 altogether', () => {
    const more = { ...HEADERS, 'x-oss-meta-owner': 'me, me', 'x-oss-meta-unencrypted-content-md5': 'nonsense' };
    assert.deepEqual(parseEnvelope(more, OBJECT_BYTES), parseEnvelope(HEADERS, OBJECT_BYTES));
  });

  it('names the object and the header in its error', () => {
    assert.throws(() => parseEnvelope(without(HEADERS, 'x-oss-meta-oss-crypto-key'), OBJECT_BYTES, 'dir/k'), { message: /^dir\/k: .*x-oss-meta-oss-crypto-key is missing$/, object: 'dir/k' });
  });

  it('refuses some but not all of our headers: every subset', () => {
    for (let mask = 1; mask < 2 ** AUTHENTICATION.length; mask++) {
      const removed = AUTHENTICATION.filter((_, i) => ((mask >> i) & 1) === 1);
      const foreign = removed.length === AUTHENTICATION.length;
      const headers = without(HEADERS, ...removed, ...(foreign ? ['x-oss-meta-sealift-attributes'] : []));
      if (foreign) {
        assert.equal(parseEnvelope(headers, OBJECT_BYTES)?.authentication, undefined);
        assertInvalid({ ...headers, 'x-oss-meta-sealift-attributes': 'mode=644' }, 'attributes alone');
      } else {
        assertInvalid(headers, removed.join());
      }
    }
  });

  it('refuses a missing header of the family', () => {
    for (const suffix of ['crypto-key', 'crypto-start', 'cek-alg', 'wrap-alg']) {
      assertInvalid(without(HEADERS, `x-oss-meta-oss-${suffix}`), suffix);
    }
    for (const suffix of ['key', 'start', 'cek-alg', 'wrap-alg']) {
      assertInvalid(without(CLIENT_HEADERS, `${CLIENT}${suffix}`), suffix);
    }
    assertInvalid(Object.fromEntries(Object.entries(HEADERS).filter(([name]) => name.includes('sealift'))), 'no family at all');
  });

  it('refuses each header of ours joined with itself, emptied, or with space around it', () => {
    for (const headers of [HEADERS, CLIENT_HEADERS, encodeEnvelope({ ...input, materialDescription: { a: 'b' } })]) {
      for (const [name, value] of Object.entries(headers)) {
        for (const altered of [`${value}, ${value}`, `${value},${value}`, '', ` ${value}`, `${value}\n`]) {
          if (!(name.endsWith('matdesc') && altered.trim() === value)) {
            assertInvalid({ ...headers, [name]: altered }, `${name}: ${JSON.stringify(altered)}`);
          }
        }
      }
    }
  });

  it('refuses unknown names under our prefixes, in any case', () => {
    for (const name of [
      'x-oss-meta-oss-crypto-iv', 'x-oss-meta-oss-cek-size', 'x-oss-meta-oss-wrap-key', 'x-oss-meta-oss-matdesc2', `${CLIENT}iv`,
      'x-oss-meta-sealift-', 'x-oss-meta-sealift-tag2', 'X-Oss-Meta-Sealift-Tag', 'X-OSS-META-OSS-CRYPTO-KEY', `${CLIENT.toUpperCase()}KEY`,
    ]) {
      assertInvalid({ ...HEADERS, [name]: '1' }, name);
      assertInvalid({ [name]: '1' }, `${name} alone`);
    }
  });

  it('refuses both families in one object', () => {
    assertInvalid({ ...HEADERS, ...CLIENT_HEADERS }, 'both');
    assertInvalid({ ...HEADERS, [`${CLIENT}matdesc`]: '{}' }, 'one header of the other');
  });

  it('refuses algorithms of the other family and unknown ones', () => {
    const crypto = 'x-oss-meta-oss-';
    for (const alg of ['AES/CTR/NoPadding', 'aes/gcm/nopadding', 'AES/GCM']) {
      assertInvalid({ ...HEADERS, [`${crypto}cek-alg`]: alg }, alg);
    }
    assertInvalid({ ...CLIENT_HEADERS, [`${CLIENT}cek-alg`]: 'AES/GCM/NoPadding' }, 'GCM under the client family');
    for (const alg of ['RSA', 'KMS/ALICLOUD', 'none', 'toString']) {
      assertInvalid({ ...HEADERS, [`${crypto}wrap-alg`]: alg }, alg);
    }
    for (const alg of ['rsa', 'kms', 'RSA/NONE/OAEPWithSHA-256AndMGF1Padding']) {
      assertInvalid({ ...CLIENT_HEADERS, [`${CLIENT}wrap-alg`]: alg }, alg);
    }
  });

  it('refuses base64 that is not the one spelling of its bytes', () => {
    for (const value of ['QUI', 'QUJ=', 'QUI=\n', 'Q-I=', 'QUI= ', 'QU I=', '=', 'QUI==']) {
      assertInvalid({ ...HEADERS, 'x-oss-meta-oss-crypto-key': value }, value);
      assertInvalid({ ...HEADERS, 'x-oss-meta-oss-crypto-start': value }, value);
    }
  });

  it('refuses a stated length that is not the object\'s, and numbers that are not plain', () => {
    const names = ['x-oss-meta-unencrypted-content-length'];
    const values = ['99', '101', '0100', '+100', '-100', '100.0', '1e2', '0x64', '٤', '9007199254740993', '1'.repeat(17)];
    for (const value of values) {
      names.forEach((name) => assertInvalid({ ...HEADERS, [name]: value }, value));
      for (const suffix of ['unencrypted-content-length', 'data-size']) {
        assertInvalid({ ...CLIENT_HEADERS, [`${CLIENT}${suffix}`]: value }, `${suffix} ${value}`);
      }
    }
    assertInvalid(HEADERS, 'object shorter', OBJECT_BYTES - 1);
    assertInvalid(HEADERS, 'object longer', OBJECT_BYTES + 1);
  });

  it('takes part sizes that are multiples of 16 only, with or without a data size', () => {
    for (const value of ['0', '8', '65', '-64', '64,64']) {
      assertInvalid({ ...CLIENT_HEADERS, [`${CLIENT}part-size`]: value }, value);
    }
    const partOnly = parseEnvelope(without(CLIENT_HEADERS, `${CLIENT}data-size`), OBJECT_BYTES);
    assert.deepEqual(partOnly?.multipart, { dataSizeBytes: OBJECT_BYTES, partSizeBytes: 64 });
    assert.equal(parseEnvelope(without(CLIENT_HEADERS, `${CLIENT}part-size`), OBJECT_BYTES)?.multipart, undefined);
  });

  it('reads the material description under either name, never under both', () => {
    const [name, alias] = ['x-oss-meta-oss-matdesc', 'x-oss-meta-oss-crypto-matdesc'];
    for (const header of [name, alias]) {
      assert.deepEqual(parseEnvelope({ ...HEADERS, [header]: '{ "b":"2", "a":"1" }' }, OBJECT_BYTES)?.materialDescription, { a: '1', b: '2' });
    }
    assertInvalid({ ...HEADERS, [name]: '{}', [alias]: '{}' }, 'both');
    for (const value of ['x', '[]', 'null', '"a"', '1', '{"a":1}', '{"a":null}', '{"a":{}}', '{}, {}']) {
      assertInvalid({ ...HEADERS, [name]: value }, value);
    }
  });

  it('keeps a hostile key of a description out of the prototype', () => {
    const envelope = parseEnvelope({ ...HEADERS, 'x-oss-meta-oss-matdesc': '{"__proto__":"x","constructor":"y"}' }, OBJECT_BYTES);
    assert.deepEqual(Object.entries(envelope?.materialDescription ?? {}), [['__proto__', 'x'], ['constructor', 'y']]);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });

  it('refuses another version, and says that a newer release may read it', () => {
    for (const version of ['2', '01', '1.0', 'one']) {
      assert.throws(() => parseEnvelope({ ...HEADERS, 'x-oss-meta-sealift-version': version }, OBJECT_BYTES), /newer release/);
    }
  });

  it('refuses a sealed object above the limit of GCM', () => {
    const length = String(MAX_PLAINTEXT_BYTES + 1);
    const huge = { ...HEADERS, 'x-oss-meta-unencrypted-content-length': length };
    assertInvalid(huge, 'sealed', MAX_PLAINTEXT_BYTES + 1);
    const foreign = without(huge, ...AUTHENTICATION, 'x-oss-meta-sealift-attributes');
    assert.equal(parseEnvelope(foreign, MAX_PLAINTEXT_BYTES + 1)?.lengthBytes, MAX_PLAINTEXT_BYTES + 1);
  });

  it('answers any metadata with null, an envelope or an EnvelopeError, and never anything else', () => {
    const names = [...Object.keys(HEADERS), ...Object.keys(CLIENT_HEADERS), 'x-oss-meta-oss-matdesc', 'x-oss-meta-x'];
    const values = fc.oneof(fc.constantFrom(...Object.values(HEADERS)), fc.string({ unit: 'binary' }), fc.base64String());
    fc.assert(fc.property(fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), values), (metadata) => {
      try {
        parseEnvelope(metadata, OBJECT_BYTES);
      } catch (error) {
        assert.ok(error instanceof EnvelopeError, String(error));
      }
    }), { numRuns: 500 });
  });
});
