import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import type { StoreError } from '../../src/errors.js';
import { createTransport, type TransportOptions } from '../../src/store/transport.js';
import { onlyFor, openProxy, type ProxyOptions } from '../support/proxy.js';
import { openTlsFront } from '../support/tls-front.js';
import { answer, serve, type RawServer } from './raw-server.js';
import { failureOf, get, put, stream } from './transport-server.js';

const body = Buffer.alloc(3_000_000, 'abcdefg');

interface Scene {
  readonly server: RawServer;
  /** Straight to the server it would be plain. */
  readonly origins: Readonly<Record<'http' | 'https', string>>;
  readonly open: (origin: string, options: Partial<TransportOptions>) => ReturnType<typeof createTransport>;
}

async function makeScene(t: TestContext): Promise<Scene> {
  const server = await serve(() => answer(200, {}, body));
  const http = `http://127.0.0.1:${server.port}`;
  const { endpoint, certificate: caCertificates } = await openTlsFront(t, http);
  t.after(() => server.close());
  return {
    server, origins: { http, https: endpoint },
    open: (origin, options) => {
      const transport = createTransport({ origin, connections: 2, caCertificates, ...options });
      t.after(() => transport.close());
      return transport;
    },
  };
}

async function refused(t: TestContext, refuse: ProxyOptions['refuse'], origin: 'http' | 'https' = 'https', credentials?: readonly [string, string]): Promise<{ failure: StoreError; proxy: string; origin: string }> {
  const { origins, open } = await makeScene(t);
  const { host, url, urlWith } = await openProxy(t, { ...(refuse === undefined ? {} : { refuse }) });
  const transport = open(origins[origin], { proxy: credentials === undefined ? url : urlWith(...credentials) });
  return { failure: await failureOf(transport.request(`${origins[origin]}/b/k`, get)), proxy: host, origin: origins[origin] };
}

/** Of a server that takes connections and says nothing. */
async function silentPort(t: TestContext): Promise<number> {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  return (silent.address() as AddressInfo).port;
}

describe('a transport through a proxy', () => {
  for (const scheme of ['http', 'https'] as const) {
    it(`reaches an ${scheme} origin, over connections that are kept`, async (t) => {
      const { server, origins, open } = await makeScene(t);
      const { url, seen } = await openProxy(t);
      const origin = origins[scheme];
      const transport = open(origin, { proxy: url });
      for (let n = 0; n < 3; n += 1) {
        const { status, data } = await transport.request(`${origin}/b/k`, put);
        assert.equal(status, 200);
        assert.ok(data.equals(body));
      }
      const [{ method, path, headers, body: sent } = assert.fail()] = server.requests;
      assert.deepEqual([method, path, headers['host'], sent.toString()], ['PUT', '/b/k', new URL(origin).host, 'body']);
      assert.deepEqual(seen, [{ where: new URL(origin).host, authorization: undefined }]);
    });

    it(`streams from an ${scheme} origin at the pace of the reader, and sends large bodies`, async (t) => {
      const { server, origins, open } = await makeScene(t);
      const { url } = await openProxy(t);
      const transport = open(origins[scheme], { proxy: url });
      const { body: streamed } = await transport.request(`${origins[scheme]}/b/k`, stream);
      assert.ok((await buffer(streamed ?? assert.fail())).equals(body));
      await transport.request(`${origins[scheme]}/b/k`, { ...put, content: body });
      assert.ok(server.requests[1]?.body.equals(body));
    });

    it(`gives user and password to the proxy, and to nobody else, on the way to an ${scheme} origin`, async (t) => {
      const { server, origins, open } = await makeScene(t);
      const { urlWith, seen } = await openProxy(t, { refuse: onlyFor('user', 'pass:word') });
      const transport = open(origins[scheme], { proxy: urlWith('user', 'pass%3Aword') });
      assert.equal((await transport.request(`${origins[scheme]}/b/k`, get)).status, 200);
      assert.equal(seen.length, 1);
      assert.equal(server.requests[0]?.headers['proxy-authorization'], undefined);
    });
  }

  it('has so many connections at most', async (t) => {
    const { origins, open } = await makeScene(t);
    const { url, seen } = await openProxy(t);
    const transport = open(origins.https, { proxy: url });
    await Promise.all(Array.from({ length: 9 }, () => transport.request(`${origins.https}/b/k`, get)));
    assert.equal(seen.length, 2);
  });

  it('opens another tunnel where one was cut', async (t) => {
    const { origins, open } = await makeScene(t);
    const { url, seen, cut } = await openProxy(t);
    const transport = open(origins.https, { proxy: url, connections: 1 });
    await transport.request(`${origins.https}/b/k`, get);
    cut();
    // Of the cut it may not have heard yet.
    while (seen.length < 2) {
      await transport.request(`${origins.https}/b/k`, get).catch((error: unknown) => assert.match(String(error), /through the proxy 127\.0\.0\.1:/));
    }
    assert.equal((await transport.request(`${origins.https}/b/k`, get)).status, 200);
  });

  it('closes while a tunnel is made, and while it is idle', async (t) => {
    const { origins, open } = await makeScene(t);
    const { url } = await openProxy(t, { refuse: (_asked, index) => (index === 0 ? undefined : 'HTTP/1.1 200 O') });
    const transport = open(origins.https, { proxy: url });
    await transport.request(`${origins.https}/b/k`, get);
    const [first, second] = [transport.request(`${origins.https}/b/k`, get), transport.request(`${origins.https}/b/k`, get)];
    const settled = Promise.allSettled([first, second]);
    await transport.close();
    assert.deepEqual((await settled).map(({ status }) => status), ['rejected', 'rejected']);
  });
});

describe('a proxy that does not connect', () => {
  for (const [scheme, credentials, said] of [['http', undefined, 'asks for'], ['https', ['user', 'canary'], 'does not accept']] as const) {
    it(`${said} user and password: 407 is final, exit code 5`, async (t) => {
      const { failure, proxy } = await refused(t, onlyFor('user', 'right'), scheme, credentials);
      assert.deepEqual([failure.code, failure.exitCode, failure.retryable, failure.status], ['access-denied', 5, false, 407]);
      assert.equal(failure.message, `oss://b/k: the proxy ${proxy} ${said} user and password (HTTP 407)`);
      assert.match(failure.remedy ?? '', /in SEALIFT_PROXY, or in HTTPS_PROXY without --proxy/);
      assert.doesNotMatch(JSON.stringify([failure, failure.stack]), /canary|Y2FuYXJ5/);
      assert.equal(failure.cause, undefined);
    });
  }

  for (const [status, code, retryable] of [
    [403, 'remote-refused', false], [400, 'remote-refused', false], [302, 'remote-refused', false],
    [502, 'remote-unavailable', true], [503, 'remote-unavailable', true], [504, 'remote-unavailable', true], [429, 'remote-unavailable', true],
  ] as const) {
    it(`says HTTP ${status}: exit code 9, ${retryable ? 'to be tried again' : 'final'}`, async (t) => {
      const { failure, proxy, origin } = await refused(t, () => `HTTP/1.1 ${status} Whatever\r\ncontent-length: 4\r\n\r\nbody`);
      assert.deepEqual([failure.code, failure.exitCode, failure.retryable, failure.status], [code, 9, retryable, status]);
      assert.match(failure.message, new RegExp(`^oss://b/k: the proxy ${proxy} .* ${origin} \\(HTTP ${status}\\)$`));
    });
  }

  for (const [name, bytes, said] of [
    ['hangs up', '', /closed before/], ['hangs up within its answer', 'HTTP/1.1 200 Conn', /closed before/], ['is no HTTP proxy', '\u0005\u0000\r\n\r\n', /not HTTP/],
    ['speaks before the origin does', 'HTTP/1.1 200 OK\r\n\r\nhello', /nobody had asked for/], ['sends headers without end', 'HTTP/1.1 200 OK\r\n'.padEnd(100_000, 'x'), /too large/],
  ] as const) {
    it(`${name}: exit code 9, to be tried again`, async (t) => {
      const { failure, proxy } = await refused(t, () => bytes);
      assert.deepEqual([failure.code, failure.exitCode, failure.retryable], ['remote-unavailable', 9, true]);
      assert.match(failure.message, new RegExp(`^oss://b/k: the proxy ${proxy} gives no connection: `));
      assert.match(failure.message, said);
      assert.match(failure.remedy ?? '', /--proxy/);
    });
  }

  it('is not there: exit code 9, to be tried again', async (t) => {
    const { open } = await makeScene(t);
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as AddressInfo;
    await new Promise<void>((resolve) => nobody.close(() => resolve()));
    const failure = await failureOf(open('https://oss.example.com', { proxy: `http://user:canary@127.0.0.1:${port}` }).request('https://oss.example.com/b/k', get));
    assert.deepEqual([failure.code, failure.retryable], ['remote-unavailable', true]);
    assert.equal(failure.message, `oss://b/k: the proxy 127.0.0.1:${port} gives no connection: the connection was refused (ECONNREFUSED)`);
  });

  it('has a name that nobody knows: exit code 9, final', async (t) => {
    const { open } = await makeScene(t);
    const failure = await failureOf(open('https://oss.example.com', { proxy: 'http://proxy.invalid:3128' }).request('https://oss.example.com/b/k', get));
    assert.equal(failure.code, 'remote-unavailable');
    assert.match(failure.message, /the proxy proxy\.invalid:3128 gives no connection: .*(?:ENOTFOUND|EAI_AGAIN)/);
    assert.equal(failure.retryable, failure.message.includes('EAI_AGAIN'));
  });

  it('says nothing: the time-out of connecting covers it', async (t) => {
    const port = await silentPort(t);
    const { open } = await makeScene(t);
    const failure = await failureOf(open('https://oss.example.com', { proxy: `http://127.0.0.1:${port}`, connectTimeoutMs: 50 }).request('https://oss.example.com/b/k', get));
    assert.equal(failure.code, 'remote-unavailable');
    assert.equal(failure.message, `oss://b/k: no connection within the time-out at https://oss.example.com through the proxy 127.0.0.1:${port}`);
    assert.match(failure.remedy ?? '', new RegExp(`the proxy 127.0.0.1:${port}`));
  });

  it('connects to an origin that is silent: the same time-out covers TLS', async (t) => {
    const port = await silentPort(t);
    const { open } = await makeScene(t);
    const { url, seen } = await openProxy(t);
    const failure = await failureOf(open(`https://127.0.0.1:${port}`, { proxy: url, connectTimeoutMs: 200 }).request(`https://127.0.0.1:${port}/b/k`, get));
    assert.match(failure.message, /no connection within the time-out/);
    assert.equal(seen.length, 1);
  });

  it('leads to a certificate that nobody vouches for: what may be done about it names proxies', async (t) => {
    const { origins, open } = await makeScene(t);
    const { url } = await openProxy(t);
    const failure = await failureOf(open(origins.https, { proxy: url, caCertificates: undefined }).request(`${origins.https}/b/k`, get));
    assert.equal(failure.code, 'remote-refused');
    assert.match(failure.message, /through the proxy 127\.0\.0\.1:\d+ cannot be trusted/);
    assert.match(failure.remedy ?? '', /a proxy which looks into TLS.*--ca-file/);
  });

  it('is refused itself where its URL is none', () => {
    assert.throws(() => createTransport({ origin: 'https://oss.example.com', connections: 1, proxy: 'socks5://p:1' }), { code: 'config-invalid' });
  });
});
