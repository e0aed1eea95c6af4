import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildAad, commit, equalBytes, verifyCommitment } from '../../src/crypto/commitment.js';
import { DataKey } from '../../src/crypto/data-key.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { MAX_PLAINTEXT_BYTES } from '../../src/limits.js';

const AAD = buildAad('a/b.txt', 17, 'mode=644');

describe('buildAad', () => {
  it('spells out what it binds', () => {
    assert.equal(AAD.toString('latin1'), 'sealift/1\nname:a/b.txt\nlength:17\nattributes:mode=644\n');
    assert.equal(buildAad('x', 0, '').toString('latin1'), 'sealift/1\nname:x\nlength:0\nattributes:\n');
  });

  it('writes the largest length in full', () => {
    assert.match(buildAad('x', MAX_PLAINTEXT_BYTES, '').toString('latin1'), /\nlength:68719476704\n/);
  });

  it('refuses lengths out of bounds', () => {
    for (const length of [-1, 0.5, NaN, MAX_PLAINTEXT_BYTES + 1, 2 ** 53]) {
      assert.throws(() => buildAad('x', length, ''), RangeError);
    }
  });

  it('refuses text that would give one AAD two meanings', () => {
    for (const [name, attributes] of [['a\nlength:1', ''], ['a', 'x\n'], ['', ''], ['a b', ''], ['é', ''], ['a', 'mode=644 ']] as const) {
      assert.throws(() => buildAad(name, 1, attributes), RangeError, JSON.stringify([name, attributes]));
    }
  });
});

describe('commitment', () => {
  const key = DataKey.adopt(Buffer.alloc(32, 1));
  const start = StartBlock.fromDecimal('2'.padStart(40, '0'));
  const proof = { tag: Buffer.alloc(16, 2), mac: Buffer.alloc(16, 3) };
  const commitment = commit(key, start, AAD, proof);

  it('has 32 bytes in hex and verifies', () => {
    assert.match(commitment, /^[0-9a-f]{64}$/);
    assert.equal(verifyCommitment(key, start, AAD, { ...proof, commitment }), true);
  });

  it('fails for another key, start block, AAD, tag or mac', () => {
    const other = Buffer.alloc(16, 9);
    const all = { ...proof, commitment };
    assert.equal(verifyCommitment(DataKey.adopt(Buffer.alloc(32, 9)), start, AAD, all), false);
    assert.equal(verifyCommitment(key, StartBlock.fromBytes(other), AAD, all), false);
    assert.equal(verifyCommitment(key, start, buildAad('a/b.txt', 18, 'mode=644'), all), false);
    assert.equal(verifyCommitment(key, start, AAD, { ...all, tag: other }), false);
    assert.equal(verifyCommitment(key, start, AAD, { ...all, mac: other }), false);
  });

  it('fails when cut short', () => {
    assert.equal(verifyCommitment(key, start, AAD, { ...proof, commitment: commitment.slice(0, 62) }), false);
    assert.equal(verifyCommitment(key, start, AAD, { ...proof, commitment: '' }), false);
  });
});

describe('equalBytes', () => {
  it('compares lengths first', () => {
    assert.equal(equalBytes(Buffer.from('ab'), Buffer.from('ab')), true);
    assert.equal(equalBytes(Buffer.from('ab'), Buffer.from('ac')), false);
    assert.equal(equalBytes(Buffer.from('ab'), Buffer.from('abc')), false);
  });
});
