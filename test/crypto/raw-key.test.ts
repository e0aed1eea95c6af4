import assert from 'node:assert/strict';
import { createCipheriv, createHmac, KeyObject, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { rawKey } from '../../src/crypto/raw-key.js';

describe('a raw key', () => {
  it('gives the same HMACs and ciphers in either form', () => {
    const [bytes, iv, data] = [randomBytes(32), randomBytes(12), randomBytes(100)];
    const [plain, object] = [rawKey(bytes, false), rawKey(bytes, true)];
    assert.deepEqual([plain === bytes, object instanceof KeyObject], [true, true]);
    for (const use of [
      (key: Buffer | KeyObject) => createHmac('sha256', key).update(data).digest(),
      (key: Buffer | KeyObject) => createCipheriv('aes-256-gcm', key, iv).update(data),
    ]) {
      assert.deepEqual(use(object), use(plain));
    }
  });
});
