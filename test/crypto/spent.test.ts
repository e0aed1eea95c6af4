import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reclaimSpent, spent } from '../../src/crypto/spent.js';

describe('spent buffers', () => {
  it('are left alone until somebody asks for them', (t) => {
    const first = Buffer.alloc(10_000);
    spent(first);
    const reclaimed: Buffer[] = [];
    reclaimSpent((buffer) => reclaimed.push(buffer));
    t.after(() => reclaimSpent(() => undefined));
    assert.deepEqual(reclaimed, []);
    spent(first);
    assert.equal(reclaimed[0], first);
    assert.equal(first.length, 10_000);
  });
});
