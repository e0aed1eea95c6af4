import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FrozenBody, freezeSource, refuseTooLarge, SpooledBody, type PlainSource } from '../../src/bucket/frozen-body.js';
import { Spool } from '../../src/bucket/spool.js';
import { applyCtr } from '../../src/crypto/ctr.js';
import { DataKey } from '../../src/crypto/data-key.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { MAX_PLAINTEXT_BYTES } from '../../src/limits.js';
import { Slabs } from '../../src/run/threads/slabs.js';
import { content } from '../support/trees.js';

const PIECE = 4096;
const keys = { dataKey: DataKey.generate(), start: StartBlock.generate() };

describe('Spool', () => {
  it('has no name, gives back what was written, and says when it cannot', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sealift-spool-'));
    const spool = await Spool.create(directory);
    assert.deepEqual(readdirSync(directory), []);
    await spool.write(content(100), 50);
    await spool.write(content(50, 9), 0);
    const back = Buffer.alloc(150);
    await spool.read(back, 0);
    assert.ok(back.equals(Buffer.concat([content(50, 9), content(100)])));
    await assert.rejects(spool.read(Buffer.alloc(10), 145), { code: 'write-failed', message: /lost its end/ });
    await spool.close();
    await spool.close();
    await assert.rejects(spool.write(content(1), 0), { name: 'SealiftError' });
    await assert.rejects(spool.read(Buffer.alloc(1), 0), { name: 'SealiftError' });
    rmSync(directory, { recursive: true });
    await assert.rejects(Spool.create(directory), { name: 'SealiftError' });
  });
});

describe('a frozen body', () => {
  it('is the ciphertext of its plaintext, from a source as from a spool, with the same proofs', async (t) => {
    const plain = content(3 * PIECE + 100);
    const ciphertext = Buffer.from(plain);
    applyCtr(keys.dataKey, keys.start, 0, ciphertext);
    const source = await freezeSource(sourceOf(plain), keys, { pieceBytes: PIECE, slabs: new Slabs(0), withMd5: true });
    const spooled = await spool(t, plain);
    assert.deepEqual(source.proofs, spooled.proofs);
    assert.equal(source.md5, spooled.md5);
    for (const body of [source, spooled]) {
      assert.equal(body.sizeBytes, plain.length);
      for (const piece of [...body.pieces].reverse()) {
        const into = Buffer.alloc(piece.bytes);
        await body.read(into, piece);
        assert.ok(into.equals(ciphertext.subarray(piece.offset, piece.offset + piece.bytes)));
      }
    }
  });

  it('gives out nothing that pass 1 has not seen', async () => {
    const plain = content(2 * PIECE);
    const body = await freezeSource(sourceOf(plain), keys, { pieceBytes: PIECE, slabs: new Slabs(0), withMd5: false });
    plain[PIECE] = (plain[PIECE] ?? 0) ^ 1;
    const [first, second] = body.pieces;
    assert.ok(first !== undefined && second !== undefined);
    await body.read(Buffer.alloc(PIECE), first);
    await assert.rejects(body.read(Buffer.alloc(PIECE), second), { code: 'unstable' });
    const unknown = new FrozenBody(keys, { sizeBytes: PIECE, pieces: [], proofs: [], md5: undefined }, () => undefined);
    await assert.rejects(unknown.read(Buffer.alloc(PIECE), first), { code: 'unstable' });
  });

  it('is refused above what one key may seal', () => {
    refuseTooLarge(MAX_PLAINTEXT_BYTES);
    assert.throws(() => refuseTooLarge(MAX_PLAINTEXT_BYTES + 1), { code: 'too-large' });
  });
});

async function spool(t: TestContext, plain: Buffer): Promise<FrozenBody> {
  const file = await Spool.create(tmpdir());
  t.after(() => file.close());
  const body = new SpooledBody(keys, file, true);
  for (let offset = 0; offset < plain.length; offset += PIECE) {
    await body.add(Buffer.from(plain.subarray(offset, offset + PIECE)));
  }
  return body.freeze();
}

function sourceOf(plain: Buffer): PlainSource {
  return { sizeBytes: plain.length, readAt: (into, position) => void plain.copy(into, 0, position), readAll: (into) => void plain.copy(into), assertUnchanged: () => undefined };
}
