import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectSpent, spent } from '../../src/crypto/spent.js';

describe('spent buffers', () => {
  it('are collected after every so many bytes, and only once somebody asks for it', (t) => {
    let collections = 0;
    spent(10_000);
    collectSpent(1000, () => { collections += 1; });
    t.after(() => collectSpent(Infinity, () => undefined));
    assert.equal(collections, 0);
    spent(1);
    assert.equal(collections, 1, 'what was spent before counts');
    spent(999);
    assert.equal(collections, 1);
    spent(1);
    assert.equal(collections, 2);
    spent(5000);
    assert.equal(collections, 3);
  });
});
