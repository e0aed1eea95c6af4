import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { LOCAL_PACK_BYTES } from '../../src/limits.js';
import { Packs } from '../../src/local/packs.js';
import { temporaryDirectory } from './support.js';

describe('packs', () => {
  it('hold objects one after the other, and begin anew when they are full', (test) => {
    const directory = temporaryDirectory(test);
    const packs = new Packs(directory, new Map());
    const places = ['one', 'two', ''].map((text) => packs.append(Buffer.from(text)));
    assert.deepEqual(places.map(({ offset }) => offset), [0, 3, 6]);
    packs.append(Buffer.alloc(LOCAL_PACK_BYTES));
    const next = packs.append(Buffer.from('three'));
    assert.notEqual(next.pack, places[0]?.pack);
    assert.equal(next.offset, 0);
    packs.close();
    assert.equal(readFileSync(packs.pathOf(next.pack), 'utf8'), 'three');
  });

  it('go when their last object does, also the one that is written to', (test) => {
    const packs = new Packs(temporaryDirectory(test), new Map());
    const { pack } = packs.append(Buffer.from('one'));
    packs.hold(pack);
    packs.hold(packs.append(Buffer.from('two')).pack);
    assert.equal(packs.release(pack), false);
    assert.equal(packs.release(pack), true);
    assert.notEqual(packs.append(Buffer.from('three')).pack, pack);
    packs.close();
  });

  it('are continued after a restart, and removed when no object is known in them', (test) => {
    const directory = temporaryDirectory(test);
    const first = new Packs(directory, new Map());
    const { pack } = first.append(Buffer.from('one'));
    first.close();
    writeFileSync(first.pathOf('00000000'), 'unknown');
    const second = new Packs(directory, new Map([[pack, 1]]));
    assert.deepEqual(readdirSync(directory), [pack]);
    assert.deepEqual(second.append(Buffer.from('two')), { pack, offset: 3 });
    assert.equal(second.sizeOf(pack), 6);
    second.close();
    const third = new Packs(directory, new Map());
    assert.equal(existsSync(third.pathOf(pack)), false);
    assert.equal(third.sizeOf(pack), 0);
    assert.notEqual(third.append(Buffer.from('three')).pack, pack);
    third.close();
  });
});
