import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseProxy } from '../../src/store/proxy.js';

describe('the URL of a proxy', () => {
  for (const [text, expected] of [
    ['http://proxy.example.com:3128', { host: 'proxy.example.com', port: 3128, name: 'proxy.example.com:3128' }],
    ['HTTP://proxy.example.com/', { host: 'proxy.example.com', port: 80, name: 'proxy.example.com:80' }],
    ['proxy:8080', { host: 'proxy', port: 8080, name: 'proxy:8080' }],
    ['10.0.0.1:3128', { host: '10.0.0.1', port: 3128, name: '10.0.0.1:3128' }],
    ['http://[::1]:3128', { host: '::1', port: 3128, name: '[::1]:3128' }],
  ] as const) {
    it(`may be ${text}`, () => {
      assert.deepEqual(parseProxy(text, 'proxy'), { ...expected, authorization: undefined });
    });
  }

  it('carries user and password, percent-encoded', () => {
    for (const [text, said] of [['http://user:pa%3As%40s@p:1', 'user:pa:s@s'], ['user:ä@p:1', 'user:ä'], ['http://user@p:1', 'user:']] as const) {
      assert.equal(parseProxy(text, 'proxy').authorization, `Basic ${Buffer.from(said).toString('base64')}`);
      assert.equal(parseProxy(text, 'proxy').name, 'p:1');
    }
  });

  it('is refused, and never repeated, when it is anything else', () => {
    for (const text of ['', 'https://canary:canary@p', 'socks5://canary@p:1080', 'http://canary:ca#nary@p:1', 'http://canary:%zz@p', 'http://p/canary', 'http://p?canary', 'http://p:canary', 'http://', 'canary canary']) {
      assert.throws(() => parseProxy(text, 'HTTPS_PROXY'), (error: Error & { code?: string; remedy?: string }) => {
        assert.equal(error.code, 'config-invalid', text);
        assert.match(error.message, /^HTTPS_PROXY is not the URL of an HTTP proxy$/);
        assert.doesNotMatch(JSON.stringify([error, error.stack]), /canary/);
        return true;
      });
    }
  });
});
