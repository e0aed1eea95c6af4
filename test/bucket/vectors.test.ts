import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { KmsProvider } from '../../src/bucket/kms-provider.js';
import { Crc64 } from '../../src/crypto/crc64.js';
import { startDecryptServer } from '../keys/stand-in-kms.js';
import { FOREIGN_FAMILIES, loadGcmObjects, loadObjects, loadSealiftObjects, vectorPlaintext } from '../vectors/load.js';
import { openScene } from './support.js';

const families = { ...Object.fromEntries(FOREIGN_FAMILIES.map((family) => [family, loadObjects(family)])), 'gcm-read-as-ctr': loadGcmObjects(), 'sealift-v1': loadSealiftObjects() };

/** Both ends, block and chunk edges, and something crooked in the middle; half-open, cut to the object. */
function rangesOf(size: number): { start: number; end: number }[] {
  const wanted = [[0, 1], [0, 16], [15, 17], [16, 33], [Math.floor(size / 2) - 3, Math.floor(size / 2) + 5], [size - 17, size], [size - 1, size], [0, size]] as const;
  return wanted.map(([start, end]) => ({ start: Math.max(0, start), end: Math.min(size, end) })).filter(({ start, end }) => start < end);
}

describe('the published vectors', () => {
  for (const [family, vectors] of Object.entries(families)) {
    it(`of ${family} open whole and by any range`, async (t) => {
      const scene = await openScene(t);
      const crc = Crc64.create();
      const stand = await startDecryptServer(Object.assign({}, ...vectors.map(({ kmsBlobs }) => kmsBlobs ?? {})) as Record<string, string>);
      t.after(async () => await stand.close());
      const kms = new KmsProvider({ keyId: 'fake-cmk-1', region: 'cn-hangzhou', endpoint: stand.endpoint });
      const bucket = scene.bucket({ cryptoProvider: [scene.rsa(), kms], allowUnauthenticated: true, allowRenamed: true });
      for (const [index, { ciphertext, metadata, plaintextSha256, size }] of vectors.entries()) {
        const body = Buffer.from(ciphertext, 'base64');
        const name = `v/${index}`;
        await scene.store.put(name, body, { metadata, crc64: crc.digestOf(body) });
        const whole = await (await bucket.getObject(name)).buffer();
        assert.equal(createHash('sha256').update(whole).digest('hex'), plaintextSha256, name);
        const plain = vectorPlaintext(size);
        for (const { start, end } of rangesOf(size)) {
          const part = await (await bucket.getObject(name, { range: { start, end }, unverifiedRange: true })).buffer();
          assert.ok(part.equals(plain.subarray(start, end)), `${name}, bytes ${start} to ${end}`);
        }
      }
    });
  }
});
