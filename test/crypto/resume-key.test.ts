import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
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

  it('opens the example of the manifest format', () => {
    const page = readFileSync(new URL('../../../manifests/FORMAT.md', import.meta.url), 'utf8');
    const example = /^[A-Za-z0-9+/]{102}==$/m.exec(page)?.[0] ?? '';
    const commitment = /"x-oss-meta-sealift-commitment":"([0-9a-f]{64})"/.exec(page)?.[1] ?? '';
    const back = unwrapForResume(createSecretKey(Buffer.alloc(32, 0x11)), example, commitment);
    assert.ok(back !== undefined);
    assert.ok(back.dataKey.exportBytes().equals(Buffer.alloc(32, 0x22)));
    assert.equal(back.startBlock.bytes.toString('hex'), '44444444444444440000000000000002');
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
