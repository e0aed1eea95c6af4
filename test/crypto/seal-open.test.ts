import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CtrStream } from '../../src/crypto/ctr.js';
import { authenticationFailed, openInPlace, StreamOpener } from '../../src/crypto/open.js';
import { sealInPlace } from '../../src/crypto/seal.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { AuthenticationError } from '../../src/errors.js';
import { aadFor, BOUNDARY_SIZES, flipBit, testKeys } from './support.js';

interface Sealed {
  readonly body: Buffer;
  readonly aad: Buffer;
  readonly tag: Buffer;
  readonly mac: Buffer;
}

const { bytes, start, key } = testKeys(5);

function seal(plaintext: Uint8Array): Sealed {
  const body = Buffer.from(plaintext);
  const aad = aadFor(body.length);
  return { body, aad, ...sealInPlace(key(), start, aad, body) };
}

function open({ body, aad, tag, mac }: Sealed): Buffer {
  const data = Buffer.from(body);
  openInPlace(key(), start, aad, { data, tag, mac });
  return data;
}

function stream({ body, aad, tag, mac }: Sealed, pieceBytes: number): Buffer {
  const opener = new StreamOpener(key(), start, aad, { tag, mac });
  const count = Math.ceil(body.length / pieceBytes);
  const pieces = Array.from({ length: count }, (_, i) => opener.update(body.subarray(i * pieceBytes, (i + 1) * pieceBytes)));
  opener.final();
  return Buffer.concat(pieces);
}

describe('open after seal', () => {
  it('is the identity at every boundary, whole and in pieces of every boundary', () => {
    for (const size of BOUNDARY_SIZES) {
      const plaintext = randomBytes(size);
      const sealed = seal(plaintext);
      assert.deepEqual(open(sealed), plaintext, `${size} bytes`);
      for (const pieceBytes of [4096, 65_536, 65_537, 200_000]) {
        assert.deepEqual(stream(sealed, pieceBytes), plaintext, `${size} bytes in pieces of ${pieceBytes}`);
      }
    }
  });

  it('is the identity for any bytes and any pieces', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (plaintext, pieceBytes) => {
      assert.deepEqual(stream(seal(plaintext), pieceBytes), Buffer.from(plaintext));
    }));
  });
});

describe('the sealed body', () => {
  it('is standard AES-256-GCM and at the same time AES-256-CTR from the start block', () => {
    for (const size of BOUNDARY_SIZES) {
      const plaintext = randomBytes(size);
      const { body, aad, tag } = seal(plaintext);
      const gcm = createDecipheriv('aes-256-gcm', bytes, start.nonce, { authTagLength: 16 }).setAAD(aad).setAuthTag(tag);
      assert.deepEqual(Buffer.concat([gcm.update(body), gcm.final()]), plaintext);
      assert.deepEqual(createDecipheriv('aes-256-ctr', bytes, start.bytes).update(body), plaintext);
      assert.deepEqual(new CtrStream(key(), start, 0).update(body), plaintext);
    }
  });

  it('has a mac that does not depend on the AAD', () => {
    const plaintext = randomBytes(100);
    const first = sealInPlace(key(), start, aadFor(100), Buffer.from(plaintext));
    const second = sealInPlace(key(), start, aadFor(101), Buffer.from(plaintext));
    assert.deepEqual(first.mac, second.mac);
    assert.notDeepEqual(first.tag, second.tag);
  });
});

describe('one seal per key', () => {
  it('leaves the data of a second call untouched', () => {
    const dataKey = key();
    sealInPlace(dataKey, start, aadFor(0), Buffer.alloc(0));
    const data = Buffer.from('untouched');
    assert.throws(() => sealInPlace(dataKey, start, aadFor(9), data), /seals once/);
    assert.equal(data.toString(), 'untouched');
  });

  it('refuses a start block that GCM would not use, without spending the key', () => {
    const dataKey = key();
    const foreign = StartBlock.fromBytes(Buffer.alloc(16, 9));
    const data = Buffer.from('untouched');
    assert.throws(() => sealInPlace(dataKey, foreign, aadFor(9), data), RangeError);
    assert.equal(data.toString(), 'untouched');
    sealInPlace(dataKey, start, aadFor(9), data);
  });
});

describe('anything altered', () => {
  const plaintext = randomBytes(70_000);
  const sealed = seal(plaintext);

  function assertRefused(altered: Sealed, what: string): void {
    const data = Buffer.from(altered.body);
    const refusal = (error: unknown): boolean => error instanceof AuthenticationError && error.code === 'authentication-failed';
    assert.throws(() => openInPlace(key(), start, altered.aad, { ...altered, data }), refusal, what);
    assert.ok(data.every((byte) => byte === 0), `${what}: plaintext left behind`);
    assert.throws(() => stream(altered, 65_536), refusal, what);
  }

  it('is refused at each bit of tag and mac', () => {
    for (let bit = 0; bit < 128; bit++) {
      assertRefused({ ...sealed, tag: flipBit(sealed.tag, bit) }, `tag bit ${bit}`);
      assertRefused({ ...sealed, mac: flipBit(sealed.mac, bit) }, `mac bit ${bit}`);
    }
  });

  it('is refused at each bit of the AAD of a small object', () => {
    const small = seal(randomBytes(20));
    for (let bit = 0; bit < small.aad.length * 8; bit++) {
      assertRefused({ ...small, aad: flipBit(small.aad, bit) }, `aad bit ${bit}`);
    }
  });

  it('is refused in the body: any bit, any cut, any addition', () => {
    fc.assert(fc.property(fc.nat(sealed.body.length * 8 - 1), (bit) => {
      assertRefused({ ...sealed, body: flipBit(sealed.body, bit) }, `body bit ${bit}`);
    }), { numRuns: 50 });
    for (const body of [sealed.body.subarray(1), sealed.body.subarray(0, -1), Buffer.concat([sealed.body, Buffer.alloc(1)]), Buffer.alloc(0)]) {
      assertRefused({ ...sealed, body }, `${body.length} bytes`);
    }
  });

  it('is refused when a right tag stands beside a wrong mac, and the other way round', () => {
    const other = seal(randomBytes(70_000));
    assertRefused({ ...sealed, mac: other.mac }, 'mac of another object');
    assertRefused({ ...sealed, tag: other.tag }, 'tag of another object');
  });

  it('is refused with short tags, which Node alone would take', () => {
    const data = Buffer.from(sealed.body);
    assert.throws(() => openInPlace(key(), start, sealed.aad, { ...sealed, tag: sealed.tag.subarray(0, 4), data }));
    assertRefused({ ...sealed, mac: sealed.mac.subarray(0, 4) }, 'short mac');
  });
});

describe('StreamOpener', () => {
  it('stays poisoned after an error in update, whatever Node says in final', () => {
    const sealed = seal(Buffer.from('hello'));
    const opener = new StreamOpener(key(), start, sealed.aad, sealed);
    assert.throws(() => opener.update(null as unknown as Buffer), TypeError);
    opener.update(sealed.body);
    assert.throws(() => opener.final(), AuthenticationError);
  });

  it('ends once', () => {
    const sealed = seal(Buffer.from('hello'));
    const opener = new StreamOpener(key(), start, sealed.aad, sealed);
    opener.update(sealed.body);
    opener.final();
    assert.throws(() => opener.final(), AuthenticationError);
    assert.throws(() => opener.update(sealed.body));
  });
});

describe('the one message of failed authentication', () => {
  it('names the object when it is known, and never says which part failed', () => {
    const sealed = seal(Buffer.from('hello'));
    const opener = new StreamOpener(key(), start, sealed.aad, { ...sealed, object: 'a/b.txt' });
    assert.throws(() => opener.final(), { message: authenticationFailed('a/b.txt').message, object: 'a/b.txt' });
    assert.match(authenticationFailed('a/b.txt').message, /^a\/b\.txt: failed to authenticate: corrupt, tampered with, or/);
    assert.match(authenticationFailed().message, /^failed to authenticate/);
    assert.equal(authenticationFailed().exitCode, 4);
  });
});

describe('GCM of this Node version', () => {
  it('gives the same tag whatever the size of the updates', () => {
    const plaintext = randomBytes(200_000);
    const cipher = createCipheriv('aes-256-gcm', bytes, start.nonce, { authTagLength: 16 }).setAAD(aadFor(plaintext.length));
    const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    const sealed = seal(plaintext);
    assert.deepEqual([sealed.body, sealed.tag], [body, cipher.getAuthTag()]);
  });
});
