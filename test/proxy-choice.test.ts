import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseProxyOption, proxyFor } from '../src/proxy-choice.js';

const oss = new URL('https://bucket.oss-cn-hangzhou.aliyuncs.com');
const P = 'http://user:word@p:3128';

function choose(env: Readonly<Record<string, string>>, { url = oss, named }: { readonly url?: URL; readonly named?: string } = {}): string | undefined {
  return proxyFor(url, named, env);
}

describe('the proxy of the environment', () => {
  it('is the first of https_proxy and all_proxy, lower case before upper', () => {
    const all = { https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:1', all_proxy: 'http://c:1', ALL_PROXY: 'http://d:1' };
    const names = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const;
    names.forEach((name, at) => {
      const left = Object.fromEntries(names.slice(at).map((key) => [key, all[key]]));
      assert.equal(choose({ ...Object.fromEntries(names.slice(0, at).map((key) => [key, ''])), ...left }), all[name]);
    });
    assert.equal(choose({}), undefined);
  });

  it('is not that of plain HTTP, which a server may take from a request', () => {
    assert.equal(choose({ http_proxy: P, HTTP_PROXY: P }), undefined);
  });

  it('holds for no address of this machine', () => {
    for (const host of ['http://127.0.0.1:80', 'https://localhost:443', 'http://[::1]:1', 'http://127.9.9.9']) {
      assert.equal(choose({ HTTPS_PROXY: P, ALL_PROXY: P, http_proxy: P }, { url: new URL(host) }), undefined, host);
    }
  });

  it('is refused by the name of its variable when it is no HTTP proxy, where it would be used', () => {
    assert.throws(() => choose({ ALL_PROXY: 'socks5://canary:canary@p:1080' }), (error: Error & { code?: string; remedy?: string }) => {
      assert.equal(error.code, 'config-invalid');
      assert.match(error.message, /^ALL_PROXY is not/);
      assert.match(error.remedy ?? '', /--proxy none/);
      assert.doesNotMatch(JSON.stringify([error, error.message]), /canary/);
      return true;
    });
    assert.equal(choose({ ALL_PROXY: 'socks5://p:1080', HTTPS_PROXY: P }), P);
    assert.equal(choose({ ALL_PROXY: 'socks5://p:1080' }, { named: 'none' }), undefined);
    assert.equal(choose({ ALL_PROXY: 'socks5://p:1080', NO_PROXY: '*' }), undefined);
  });
});

describe('the proxy that is named', () => {
  it('holds instead of that of the environment, for this machine too', () => {
    assert.equal(choose({ HTTPS_PROXY: P }, { named: 'http://q:1' }), 'http://q:1');
    assert.equal(choose({ HTTPS_PROXY: P }, { named: 'none' }), undefined);
    assert.equal(choose({}, { named: 'http://q:1', url: new URL('http://127.0.0.1:8080') }), 'http://q:1');
  });

  it('does not hold for what NO_PROXY names', () => {
    assert.equal(choose({ NO_PROXY: '.aliyuncs.com' }, { named: 'http://q:1' }), undefined);
  });

  it('takes user and password from SEALIFT_PROXY when that names it too', () => {
    assert.equal(choose({ SEALIFT_PROXY: P }, { named: 'http://p:3128' }), P);
    assert.equal(choose({ SEALIFT_PROXY: P }, { named: 'http://p:3129' }), 'http://p:3129');
    assert.equal(choose({ SEALIFT_PROXY: 'none' }, { named: 'http://p:3129' }), 'http://p:3129');
  });

  it('is shown without user and password, which only the environment may carry', () => {
    assert.equal(parseProxyOption('--proxy', 'none', false), 'none');
    assert.equal(parseProxyOption('--proxy', 'p:3128', false), 'http://p:3128');
    assert.equal(parseProxyOption('--proxy (from SEALIFT_PROXY)', P, true), 'http://p:3128');
    for (const text of ['http://canary:canary@p:3128', 'http://canary@p:3128']) {
      assert.throws(() => parseProxyOption('--proxy', text, false), (error: Error & { code?: string; remedy?: string }) => {
        assert.equal(error.code, 'usage');
        assert.match(error.remedy ?? '', /HTTPS_PROXY/);
        assert.doesNotMatch(JSON.stringify([error, error.message]), /canary/);
        return true;
      });
    }
  });
});

describe('NO_PROXY', () => {
  for (const [list, url, covered] of [
    ['*', oss, true], ['', oss, false], [' , ,', oss, false], ['example.com', oss, false],
    ['aliyuncs.com', oss, true], ['.aliyuncs.com', oss, true], ['*.aliyuncs.com', oss, true], ['.ALIYUNCS.com', oss, true],
    ['liyuncs.com', oss, false], ['bucket.oss-cn-hangzhou.aliyuncs.com', oss, true], ['other.oss-cn-hangzhou.aliyuncs.com', oss, false],
    ['a.com,b.com , aliyuncs.com', oss, true], ['a.com b.com aliyuncs.com', oss, true],
    ['aliyuncs.com:443', oss, true], ['aliyuncs.com:80', oss, false], ['aliyuncs.com:8443', new URL('https://x.aliyuncs.com:8443'), true], ['*:8443', oss, false], ['*:443', oss, true],
    ['10.0.0.7', new URL('https://10.0.0.7'), true], ['0.0.7', new URL('https://10.0.0.7'), false], ['10.0.0.0/8', new URL('https://10.1.2.3'), true],
    ['10.0.0.0/8', new URL('https://11.1.2.3'), false], ['10.0.0.0/33', new URL('https://10.1.2.3'), false], ['10.0.0.7:443', new URL('https://10.0.0.7'), true],
    ['fd00::/8', new URL('https://[fd00::1]'), true], ['10.0.0.0/8', new URL('https://[fd00::1]'), false], ['fd00::1', new URL('https://[fd00::1]'), true],
    ['[fd00::1]:443', new URL('https://[fd00::1]'), true], ['[fd00::1]:80', new URL('https://[fd00::1]'), false], ['10.0.0.0/8', oss, false],
  ] as const) {
    it(`${covered ? 'covers' : 'leaves'} ${url.host} with "${list}"`, () => {
      assert.equal(choose({ HTTPS_PROXY: P, NO_PROXY: list }, { url }), covered ? undefined : P);
    });
  }

  it('counts in lower case first', () => {
    assert.equal(choose({ HTTPS_PROXY: P, no_proxy: 'example.com', NO_PROXY: '*' }), P);
  });
});
