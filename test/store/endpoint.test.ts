import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLoopback, refuseUnverifiedTls, resolveEndpoint } from '../../src/store/endpoint.js';

const place = { bucket: 'b-1', region: 'cn-hangzhou' };

function refusal(options: Partial<Parameters<typeof resolveEndpoint>[0]>): RegExp {
  let message = '';
  assert.throws(() => resolveEndpoint({ ...place, ...options }), (error: Error & { code: string }) => {
    assert.equal(error.code, 'config-invalid');
    message = error.message;
    return true;
  });
  return new RegExp(message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
}

describe('the endpoint of a bucket', () => {
  const accepted: [string, Partial<Parameters<typeof resolveEndpoint>[0]>, string, boolean][] = [
    ['a region', {}, 'https://b-1.oss-cn-hangzhou.aliyuncs.com', false],
    ['a region with its prefix', { region: 'oss-cn-hangzhou' }, 'https://b-1.oss-cn-hangzhou.aliyuncs.com', false],
    ['a region from inside', { internal: true }, 'https://b-1.oss-cn-hangzhou-internal.aliyuncs.com', false],
    ['a custom URL', { endpoint: 'https://oss.example.com' }, 'https://b-1.oss.example.com', false],
    ['a custom host', { endpoint: 'oss.example.com:8443' }, 'https://b-1.oss.example.com:8443', false],
    ['a custom URL with a slash', { endpoint: 'https://oss.example.com/' }, 'https://b-1.oss.example.com', false],
    ['localhost', { endpoint: 'http://localhost:8080' }, 'http://localhost:8080', true],
    ['IPv4 loopback', { endpoint: 'http://127.0.0.1:8080' }, 'http://127.0.0.1:8080', true],
    ['another IPv4 loopback', { endpoint: 'http://127.8.0.1:8080' }, 'http://127.8.0.1:8080', true],
    ['IPv6 loopback', { endpoint: 'http://[::1]:8080' }, 'http://[::1]:8080', true],
    ['an address with TLS', { endpoint: 'https://10.1.2.3' }, 'https://10.1.2.3', true],
  ];
  for (const [name, options, origin, pathStyle] of accepted) {
    it(`is made from ${name}`, () => {
      assert.deepEqual(resolveEndpoint({ ...place, ...options }), { origin, region: 'cn-hangzhou', pathStyle });
    });
  }

  it('is never plain http outside this machine', () => {
    for (const host of ['oss.example.com', '10.1.2.3', '0.0.0.0', '127.0.0.1.example.com', 'localhost.example.com', '[2001:db8::1]', '[::ffff:10.0.0.1]']) {
      assert.match(refusal({ endpoint: `http://${host}` }).source, /not encrypted/, host);
    }
  });

  it('has no scheme but http and https', () => {
    assert.match(refusal({ endpoint: 'ftp://localhost' }).source, /not encrypted/);
  });

  it('carries neither credentials nor a path, and does not repeat a password', () => {
    assert.doesNotMatch(refusal({ endpoint: 'https://user:hunter2@oss.example.com' }).source, /hunter2/);
    refusal({ endpoint: 'https://oss.example.com/b-1' });
    refusal({ endpoint: 'https://oss.example.com?x=1' });
    refusal({ endpoint: 'https://oss.example.com#x' });
    refusal({ endpoint: 'https://' });
  });

  it('does not contain the bucket', () => {
    assert.match(refusal({ endpoint: 'https://b-1.oss-cn-hangzhou.aliyuncs.com' }).source, /already contains the bucket/);
  });

  it('needs a valid bucket and region', () => {
    for (const bucket of ['', 'ab', 'A-1', '-b1', 'b1-', 'b_1', 'b.1', 'x'.repeat(64), 'b1/../c']) {
      refusal({ bucket });
    }
    for (const region of ['', 'oss-', 'cn hangzhou', 'cn/hangzhou', '-cn', 'CN-hangzhou']) {
      refusal({ region });
    }
  });
});

describe('loopback', () => {
  it('is this machine and nothing else', () => {
    for (const [host, expected] of [['localhost', true], ['127.0.0.1', true], ['[::1]', true], ['::1', false], ['128.0.0.1', false], ['my-localhost', false]] as const) {
      assert.equal(isLoopback(host), expected, host);
    }
  });
});

describe('unverified TLS', () => {
  it('is refused', () => {
    assert.throws(() => refuseUnverifiedTls('0'), { code: 'config-invalid' });
    refuseUnverifiedTls('1');
    refuseUnverifiedTls(undefined);
  });
});
