import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { DataKey } from '../../src/crypto/data-key.js';
import { unwrapForResume, wrapForResume } from '../../src/crypto/resume-key.js';
import { StartBlock } from '../../src/crypto/start-block.js';

const COMMITMENT = 'ab'.repeat(32);
const secret = createSecretKey(randomBytes(32));

describe('a data key kept for a resume', () => {
  const keys = { dataKey: DataKey.generate(), startBlock: StartBlock.generate() };
  const wrapped = wrapForResume(secret, keys, COMMITMENT);

  it('comes back under the same secret for the same object', () => {
    const back = unwrapForResume(secret, wrapped, COMMITMENT);
    assert.ok(back !== undefined);
    assert.ok(back.dataKey.exportBytes().equals(keys.dataKey.exportBytes()));
    assert.ok(back.startBlock.bytes.equals(keys.startBlock.bytes));
  });

  it('never looks the same twice, and shows nothing', () => {
    assert.notEqual(wrapForResume(secret, keys, COMMITMENT), wrapped);
    assert.equal(Buffer.from(wrapped, 'base64').includes(keys.dataKey.exportBytes()), false);
  });

  it('is nothing under another secret, for another object, cut short, or with any bit flipped', () => {
    const bytes = Buffer.from(wrapped, 'base64');
    assert.equal(unwrapForResume(createSecretKey(randomBytes(32)), wrapped, COMMITMENT), undefined);
    assert.equal(unwrapForResume(secret, wrapped, 'cd'.repeat(32)), undefined);
    assert.equal(unwrapForResume(secret, bytes.subarray(1).toString('base64'), COMMITMENT), undefined);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.equal(unwrapForResume(secret, flipped.toString('base64'), COMMITMENT), undefined, `bit ${bit}`);
    }
  });
});
