import assert from 'node:assert/strict';
import { createCipheriv, createSecretKey, hkdfSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { DataKey } from '../../src/crypto/data-key.js';
import { ghashPiece } from '../../src/crypto/ghash.js';
import { add, fromBlock, multiply, toBlock } from '../../src/crypto/gf128.js';
import { Gmac } from '../../src/crypto/gmac.js';
import { hmac } from '../../src/crypto/hmac.js';
import { sealInPlace } from '../../src/crypto/seal.js';
import { openInPlace, StreamOpener } from '../../src/crypto/open.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { AuthenticationError } from '../../src/errors.js';
import { hex, loadWycheproof, type AeadCase } from '../vectors/load.js';

const aead = loadWycheproof('aes_gcm_test.json')
  .filter(({ keySize, ivSize }) => keySize === 256 && ivSize === 96)
  .flatMap(({ tests }) => tests);

/** The opener takes any nonce; only the writer insists on ours. */
function startOf(iv: string): StartBlock {
  return StartBlock.fromBytes(hex(`${iv}00000002`));
}

function openWhole({ key, iv, aad, ct, tag }: AeadCase, data: Buffer): void {
  const dataKey = DataKey.adopt(hex(key));
  // The mac is ours, so a vector has none: make the one that fits, and leave the decision to the tag.
  const mac = macOf(dataKey, startOf(iv), hex(ct));
  openInPlace(dataKey, startOf(iv), hex(aad), { data, tag: hex(tag), mac });
}

function macOf(key: DataKey, start: StartBlock, ciphertext: Buffer): Buffer {
  const kmac = hkdfSync('sha256', key.keyObject, start.bytes, 'sealift/1 mac', 32);
  return new Gmac(createSecretKey(Buffer.from(kmac)), start.nonce).update(ciphertext).digest();
}

describe('Wycheproof AES-GCM, 256-bit keys and 96-bit nonces', () => {
  it('has cases of both kinds', () => {
    assert.ok(aead.length > 60);
    assert.ok(aead.some(({ result }) => result === 'valid') && aead.some(({ result }) => result === 'invalid'));
  });

  it('opens what is valid and zeroes what is not', () => {
    for (const test of aead) {
      const data = hex(test.ct);
      if (test.result === 'valid') {
        openWhole(test, data);
        assert.equal(data.toString('hex'), test.msg, `tcId ${test.tcId}`);
      } else {
        assert.throws(() => openWhole(test, data), AuthenticationError, `tcId ${test.tcId}`);
        assert.deepEqual(data, Buffer.alloc(data.length), `tcId ${test.tcId}`);
      }
    }
  });

  it('opens the same byte by byte', () => {
    for (const test of aead) {
      const { key, iv, aad, ct, tag, msg, result, tcId } = test;
      const dataKey = DataKey.adopt(hex(key));
      const mac = macOf(dataKey, startOf(iv), hex(ct));
      const opener = new StreamOpener(dataKey, startOf(iv), hex(aad), { tag: hex(tag), mac });
      const plaintext = Buffer.concat(Array.from(hex(ct), (byte) => opener.update(Buffer.of(byte))));
      if (result === 'valid') {
        opener.final();
        assert.equal(plaintext.toString('hex'), msg, `tcId ${tcId}`);
      } else {
        assert.throws(() => opener.final(), AuthenticationError, `tcId ${tcId}`);
      }
    }
  });

  it('seals what it opens where the nonce is of our form', () => {
    const { tag, mac } = sealInPlace(DataKey.adopt(Buffer.alloc(32, 1)), startOf('010203040506070800000000'), Buffer.from('aad'), Buffer.alloc(0));
    const cipher = createCipheriv('aes-256-gcm', Buffer.alloc(32, 1), hex('010203040506070800000000'), { authTagLength: 16 }).setAAD(Buffer.from('aad'));
    cipher.final();
    assert.deepEqual(tag, cipher.getAuthTag());
    assert.equal(mac.length, 16);
  });

  it('gives the tags of vectors with an empty message as GMAC', () => {
    const macs = aead.filter(({ msg, result }) => msg === '' && result === 'valid');
    assert.equal(macs.length, 2);
    for (const { key, iv, aad, tag } of macs) {
      assert.equal(new Gmac(createSecretKey(hex(key)), hex(iv)).update(hex(aad)).digest().toString('hex'), tag);
    }
  });

  it('gives the tags of vectors without additional data from the GHASH state', () => {
    const plain = aead.filter(({ aad, result }) => aad === '' && result === 'valid');
    assert.ok(plain.length > 5);
    for (const { key, iv, ct, tag } of plain) {
      const keyObject = createSecretKey(hex(key));
      const ecb = createCipheriv('aes-256-ecb', keyObject, null).setAutoPadding(false);
      const blocks = ecb.update(Buffer.concat([Buffer.alloc(16), hex(`${iv}00000001`)]));
      const lengths = Buffer.alloc(16);
      lengths.writeBigUInt64BE(BigInt(hex(ct).length * 8), 8);
      const hash = multiply(add(fromBlock(ghashPiece(keyObject, hex(ct))), fromBlock(lengths)), fromBlock(blocks));
      assert.equal(toBlock(add(hash, fromBlock(blocks, 16))).toString('hex'), tag);
    }
  });
});

describe('Wycheproof HKDF-SHA-256', () => {
  it('agrees with the derivation that the commitment uses', () => {
    const cases = loadWycheproof('hkdf_sha256_test.json').flatMap(({ tests }) => tests);
    assert.ok(cases.length > 50);
    for (const { ikm, salt, info, size, okm, result, tcId } of cases) {
      const derive = (): string => Buffer.from(hkdfSync('sha256', createSecretKey(hex(ikm)), hex(salt), hex(info), size)).toString('hex');
      if (result === 'invalid') {
        assert.throws(derive, `tcId ${tcId}`);
      } else {
        assert.equal(derive(), okm, `tcId ${tcId}`);
      }
    }
  });
});

describe('Wycheproof HMAC-SHA-256', () => {
  it('agrees with the HMAC that the commitment uses, cut tags included', () => {
    const groups = loadWycheproof('hmac_sha256_test.json');
    assert.ok(groups.length > 3);
    for (const { tests, tagSize } of groups) {
      for (const { key, msg, tag, result, tcId } of tests) {
        const computed = hmac(hex(key), hex(msg)).subarray(0, tagSize / 8);
        assert.equal(computed.toString('hex') === tag, result === 'valid', `tcId ${tcId}`);
      }
    }
  });
});
