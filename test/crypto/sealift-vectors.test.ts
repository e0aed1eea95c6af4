import assert from 'node:assert/strict';
import { hkdfSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { buildAad, commit, deriveMacKey, verifyCommitment } from '../../src/crypto/commitment.js';
import { DataKey } from '../../src/crypto/data-key.js';
import { ghashPiece, joinMac, joinTag } from '../../src/crypto/ghash.js';
import { openInPlace } from '../../src/crypto/open.js';
import { partDigest } from '../../src/crypto/part-digest.js';
import { sealInPlace } from '../../src/crypto/seal.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { encodeName } from '../../src/envelope/authentication.js';
import { hex, loadSealiftObjects, vectorPlaintext } from '../vectors/load.js';

describe('sealift-v1', () => {
  const objects = loadSealiftObjects();

  it('has all eleven objects', () => {
    assert.equal(objects.length, 11);
  });

  for (const object of objects) {
    it(`${object.envelope}: ${JSON.stringify(object.name)}, ${object.size} bytes, byte for byte`, () => {
      const key = (): DataKey => DataKey.adopt(hex(object.cekHex));
      const start = StartBlock.fromBytes(hex(object.ivHex));
      const header = (name: string): string => object.metadata[`x-oss-meta-sealift-${name}`] ?? '';
      const aad = buildAad(encodeName(object.name), object.size, header('attributes'));
      assert.equal(aad.toString('latin1'), object.aad);
      const macKey = deriveMacKey(key(), start);
      assert.equal(macKey.toString('hex'), object.kmacHex);
      assert.equal(Buffer.from(hkdfSync('sha256', key().keyObject, start.bytes, 'sealift/1 commitment', 32)).toString('hex'), object.kcHex);

      const data = vectorPlaintext(object.size);
      const { tag, mac } = sealInPlace(key(), start, aad, data);
      assert.equal(data.toString('base64'), object.ciphertext);
      assert.deepEqual([tag, mac].map((bytes) => bytes.toString('hex')), [header('tag'), header('mac')]);
      assert.equal(commit(key(), start, aad, { tag, mac }), header('commitment'));
      assert.equal(verifyCommitment(key(), start, aad, { tag, mac, commitment: header('commitment') }), true);

      const digest = partDigest(macKey, start, 0, data);
      assert.equal(digest.toString('hex'), object.part0DigestHex);
      assert.equal(joinMac(macKey, start, [{ digest, lengthBytes: data.length }]).toString('hex'), header('mac'));
      const state = ghashPiece(key().keyObject, data);
      assert.equal(joinTag(key(), start, aad, [{ index: 0, state, lengthBytes: data.length }]).toString('hex'), header('tag'));

      openInPlace(key(), start, aad, { data, tag, mac });
      assert.deepEqual(data, vectorPlaintext(object.size));
    });
  }
});
