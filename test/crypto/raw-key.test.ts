import assert from 'node:assert/strict';
import { createCipheriv, KeyObject, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { rawKey } from '../../src/crypto/raw-key.js';

describe('a raw key', () => {
  it('gives the same cipher in either form', () => {
    const [bytes, iv, data] = [randomBytes(32), randomBytes(12), randomBytes(100)];
    const [plain, object] = [rawKey(bytes, false), rawKey(bytes, true)];
    assert.deepEqual([plain === bytes, object instanceof KeyObject], [true, true]);
    const use = (key: Buffer | KeyObject): Buffer => createCipheriv('aes-256-gcm', key, iv).update(data);
    assert.deepEqual(use(object), use(plain));
  });
});
