import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSealiftError } from '../../src/errors.js';
import { onlyFor, openProxy } from '../support/proxy.js';
import { openScene } from './support.js';

describe('a CryptoBucket behind a proxy', () => {
  it('asks through it, with the password in its URL', async (t) => {
    const { bucket, requests } = await openScene(t);
    const { urlWith, seen } = await openProxy(t, { refuse: onlyFor('user', 'word') });
    const made = bucket({ proxy: urlWith('user', 'word') });
    await made.putObject('a', 'alpha');
    assert.equal(await (await made.getObject('a')).text(), 'alpha');
    assert.equal(seen.length, 1);
    assert.ok(requests.length >= 2);
  });

  it('looks at no environment', async (t) => {
    const { bucket } = await openScene(t);
    const { url, seen } = await openProxy(t);
    const names = ['HTTPS_PROXY', 'ALL_PROXY', 'SEALIFT_PROXY'];
    names.forEach((name) => { process.env[name] = url; });
    t.after(() => names.forEach((name) => { Reflect.deleteProperty(process.env, name); }));
    await bucket().putObject('a', 'alpha');
    assert.equal(seen.length, 0);
  });

  it('is not made with a proxy that is none, which is not repeated', async (t) => {
    const { bucket } = await openScene(t);
    assert.throws(() => bucket({ proxy: 'socks5://canary:canary@p:1' }), (error: unknown) => {
      assert.ok(isSealiftError(error) && error.code === 'config-invalid');
      assert.doesNotMatch(error.message, /canary/);
      return true;
    });
  });
});
