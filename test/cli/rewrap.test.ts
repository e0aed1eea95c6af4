import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { keyFile } from '../support/cli.js';
import { strangersKey } from '../support/world.js';
import { createWorld, eventsOf } from './process.js';

const world = createWorld();
after(() => world.remove());
const PLACE = 'oss://vault/photos';
const OLD = '.sealift/key.pem';

describe('sealift rewrap', () => {
  it('says what it would do, does it, and has nothing left to do', async () => {
    mkdirSync(world.path('photos'));
    writeFileSync(world.path('photos', 'one.jpg'), 'one');
    writeFileSync(world.path('photos', 'two.jpg'), 'two');
    assert.equal((await world.call(['push', 'photos', PLACE, '--local', '--quiet'])).code, 0);
    assert.equal((await world.call(['keys', 'create', 'new.pem', '--bits', '2048'])).code, 0);
    const rewrap = ['rewrap', PLACE, '--local', '--key', 'new.pem', '--key', OLD];
    const planned = await world.call([...rewrap, '--dry-run']);
    assert.match(planned.stdout, /planned {2}one\.jpg {2}3 B[^]*\nrewrap planned: 2 scanned = 2 done \+ 0 skipped \+ 0 failed\n {2}nothing was sent or written\n$/);
    const done = await world.call(rewrap);
    assert.match(done.stdout, /^rewrap complete: 2 scanned = 2 done \+ 0 skipped \+ 0 failed\n {2}6 B under the new key, none of it moved, in [\d.]+ s\n$/);
    const again = await world.call([...rewrap, '--json']);
    assert.deepEqual(eventsOf(again.stdout).filter(({ event }) => event === 'file').map(({ path, state, code }) => [path, state, code]), [
      ['one.jpg', 'skipped', 'same-key'], ['two.jpg', 'skipped', 'same-key'],
    ]);
    assert.equal((await world.call(['pull', PLACE, 'back', '--local', '--key', 'new.pem', '--quiet'])).code, 0);
  });

  it('leads to a KMS key and from one, which need not be named to open', async () => {
    assert.equal((await world.call(['rewrap', PLACE, '--local', '--kms-key', 'default', '--key', 'new.pem'])).code, 0);
    assert.equal((await world.call(['verify', PLACE, '--local'])).code, 0);
    assert.equal((await world.call(['rewrap', PLACE, '--local', '--key', OLD])).code, 0);
    assert.equal((await world.call(['verify', PLACE, '--local', '--key', OLD])).code, 0);
  });

  it('plans what is left to do, which a verification does not tell where KMS opens it', async () => {
    assert.equal((await world.call(['push', 'photos', 'oss://vault/kms', '--local', '--kms-key', 'default', '--quiet'])).code, 0);
    const rewrap = ['rewrap', 'oss://vault/kms', '--local', '--key', 'new.pem'];
    assert.equal((await world.call([...rewrap, '--exclude', 'one.jpg'])).code, 0);
    assert.equal((await world.call(['verify', 'oss://vault/kms', '--local', '--key', 'new.pem', '--headers-only'])).code, 0);
    assert.match((await world.call([...rewrap, '--dry-run'])).stdout, /2 scanned = 1 done \+ 1 skipped/);
    assert.equal((await world.call(rewrap)).code, 0);
    assert.match((await world.call([...rewrap, '--dry-run'])).stdout, /2 scanned = 0 done \+ 2 skipped/);
  });

  it('takes key files with passphrases of their own', async () => {
    const phrases = { A: 'first phrase', B: 'second phrase' };
    for (const [name, phrase] of Object.entries(phrases)) {
      writeFileSync(world.path(name), `${phrase}\n`, { mode: 0o600 });
    }
    keyFile(world, strangersKey(0), 'A.pem', phrases.A);
    keyFile(world, strangersKey(1), 'B.pem', phrases.B);
    const keys = ['--key', 'B.pem', '--key', 'A.pem'];
    assert.equal((await world.call(['push', 'photos', 'oss://vault/locked', '--local', '--key', 'A.pem', '--passphrase-file', 'A'])).code, 0);
    const half = await world.call(['rewrap', 'oss://vault/locked', '--local', ...keys, '--passphrase-file', 'A']);
    assert.equal(half.code, 5);
    assert.match(half.stderr, /B\.pem: wrong passphrase/);
    const both = await world.call(['rewrap', 'oss://vault/locked', '--local', ...keys, '--passphrase-file', 'A', '--passphrase-env', 'PHRASE_B'], { PHRASE_B: phrases.B });
    assert.equal(both.code, 0, both.stdout + both.stderr);
  });

  it('names what no key opens, and where all of that is told', async () => {
    for (let index = 0; index < 10; index += 1) {
      writeFileSync(world.path('photos', `more-${index}.jpg`), 'more');
    }
    assert.equal((await world.call(['push', 'photos', PLACE, '--local', '--quiet'])).code, 0);
    const { code, stdout } = await world.call(['rewrap', PLACE, '--local', '--key', 'new.pem.pub']);
    assert.equal(code, 5);
    assert.match(stdout, /is sealed under an RSA key, and none is configured \(master-key-missing\)\n {10}Give the private RSA key too \(--key\)\./);
    assert.match(stdout, /… and 2 more; all of them: pass --json\n$/);
  });
});
