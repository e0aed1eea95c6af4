import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { SEND_CHUNK_BYTES } from '../../src/limits.js';
import { MisusedRequest, networkFailure } from '../../src/store/transport-failures.js';
import { createTransport } from '../../src/store/transport.js';
import type { TransportOptions } from '../../src/store/transport.js';
import { selfSigned } from '../support/certificates.js';
import { answer, gate, serve } from './raw-server.js';
import type { Respond } from './raw-server.js';
import { ctx, failureOf, get, over, put, stream } from './transport-server.js';

describe('the transport', () => {
  it('sends a request and reads its answer whole', () =>
    over(() => answer(200, { ETag: '"E"', 'X-Two': 'a' }, 'hello'), async (transport, server, url) => {
      const { status, headers, data, body } = await transport.request(url, put);
      assert.deepEqual([status, headers['etag'], data.toString(), body], [200, '"E"', 'hello', undefined]);
      const [seen] = server.requests;
      assert.deepEqual([seen?.method, seen?.path, seen?.headers['x-oss-meta-a'], seen?.body.toString()], ['PUT', '/b/k', 'b', 'body']);
    }));

  it('connects to its own origin whatever the URL says, and keeps the path as it is', () =>
    over(() => answer(200), async (transport, server) => {
      await transport.request('https://elsewhere.example/b/../x/./%2e%2E//y?a=1&b=%20', get);
      const [seen] = server.requests;
      assert.equal(seen?.path, '/b/../x/./%2e%2E//y?a=1&b=%20');
      assert.equal(seen.headers['host'], `127.0.0.1:${server.port}`);
    }));

  for (const bytes of [0, 1, SEND_CHUNK_BYTES, SEND_CHUNK_BYTES + 1, 3_000_001]) {
    it(`sends ${bytes} bytes as they are, with their length`, () =>
      over(() => answer(200), async (transport, server, url) => {
        const content = randomBytes(bytes);
        const copy = Buffer.from(content);
        await transport.request(url, { ...put, content, headers: ['Content-Length', String(bytes)] });
        const [seen] = server.requests;
        assert.ok(seen?.body.equals(copy));
        assert.equal(seen?.headers['content-length'], String(bytes));
        assert.equal(seen.headers['transfer-encoding'], undefined);
        assert.ok(content.equals(copy));
      }));
  }

  it('follows no redirect', () =>
    over((_request, _socket, index) => answer(index === 0 ? 302 : 200, { location: '/elsewhere' }), async (transport, server, url) => {
      assert.equal((await transport.request(url, get)).status, 302);
      assert.equal(server.requests.length, 1);
    }));

  it('keeps connections alive across methods, HEAD included', () =>
    over(() => answer(200, { connection: 'keep-alive' }), async (transport, server, url) => {
      for (const method of ['PUT', 'HEAD', 'HEAD', 'GET', 'DELETE'] as const) {
        await transport.request(url, { ...get, method });
      }
      assert.equal(server.connections(), 1);
    }, { connections: 1 }));

  it('opens no more connections than it may', () =>
    over(() => answer(200), async (transport, server, url) => {
      await Promise.all(Array.from({ length: 20 }, () => transport.request(url, put)));
      assert.equal(server.requests.length, 20);
      assert.equal(server.connections(), 2);
    }));

  it('delivers a stream, with back-pressure', () => {
    const body = randomBytes(2_000_000);
    return over(() => answer(200, {}, body), async (transport, _server, url) => {
      const { data, body: stream2 } = await transport.request(url, stream);
      assert.equal(data.length, 0);
      assert.ok(stream2 !== undefined && stream2.readableLength < 1_000_000);
      assert.ok((await buffer(stream2)).equals(body));
    });
  });

  it('reads the body of a refused stream whole', () =>
    over(() => answer(404, {}, '<Error/>'), async (transport, _server, url) => {
      const { status, data, body } = await transport.request(url, stream);
      assert.deepEqual([status, data.toString(), body], [404, '<Error/>', undefined]);
    }));

  it('frees the connection of a stream that is not read to its end', () => {
    const closed = gate();
    return over((_request, socket) => {
      socket.once('close', () => closed.open());
      return answer(200, { 'content-length': 1_000_000 }, 'start');
    }, async (transport, _server, url) => {
      const { body } = await transport.request(url, stream);
      body?.destroy();
      await closed.promise;
    });
  });
});

describe('a failed exchange', () => {
  const cut: [string, Respond][] = [
    ['a connection closed without an answer', (_request, socket) => void socket.destroy()],
    ['a connection reset without an answer', (_request, socket) => void socket.resetAndDestroy()],
    ['an answer cut in its status line', (_request, socket) => void socket.end('HTTP/1.1 20')],
    ['an answer cut in its headers', (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-le')],
    ['an answer cut before its body', (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n')],
    ['an answer cut in its body', (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc')],
    ['a closing answer cut in its body', (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nabc')],
    ['an answer cut in a chunk', (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabc')],
    ['an answer that is not HTTP', (_request, socket) => void socket.end('SSH-2.0-OpenSSH\r\n')],
    ['an answer with two lengths', () => 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nabc'],
    ['headers beyond all bounds', () => answer(200, { 'x-oss-meta-a': 'x'.repeat(100_000) })],
  ];
  for (const [name, respond] of cut) {
    it(`is retryable after ${name}`, () =>
      over(respond, async (transport, _server, url) => {
        const failure = await failureOf(transport.request(url, put));
        assert.deepEqual([failure.code, failure.retryable, failure.object], ['remote-unavailable', true, 'oss://b/k']);
        assert.match(failure.message, /^oss:\/\/b\/k: .* at http:\/\/127\.0\.0\.1:\d+$/);
        assert.equal(failure.cause, undefined);
      }));
  }

  const cutStreams: [string, Respond][] = [
    ['ends early', (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc')],
    ['ends early on a closing connection', (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nabc')],
    ['is reset', (_request, socket) => {
      socket.write(answer(200, { 'content-length': 4 }, 'abc'), () => socket.resetAndDestroy());
      return undefined;
    }],
  ];
  for (const [name, respond] of cutStreams) {
    it(`errors a stream that ${name}`, () =>
      over(respond, async (transport, _server, url) => {
        const failure = await failureOf(transport.request(url, stream).then(({ body }) => buffer(body ?? assert.fail())));
        assert.deepEqual([failure.code, failure.retryable], ['remote-unavailable', true]);
      }));
  }

  it('refuses a stream whose length nobody announced', () =>
    over(() => 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', async (transport, _server, url) => {
      assert.match((await failureOf(transport.request(url, stream))).message, /does not announce its length/);
    }));

  it('streams nothing of an answer that has no body, whatever length it announces', () =>
    over(() => 'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n', async (transport, _server, url) => {
      const { status, data, body } = await transport.request(url, stream);
      assert.deepEqual([status, data.length, body], [204, 0, undefined]);
    }));

  it('gives up when an answer trickles, by the time spent waiting', () => {
    let now = 0;
    const next = gate();
    return over((_request, socket) => {
      socket.write(answer(200, { 'content-length': 1000 }, 'a'));
      void next.promise.then(() => socket.write('b'));
      return undefined;
    }, async (transport, _server, url) => {
      const { body } = await transport.request(url, stream);
      body?.once('data', () => {
        now = 60_001;
        next.open();
      });
      assert.match((await failureOf(buffer(body ?? assert.fail()))).message, /too slowly/);
    }, { now: () => now });
  });

  it('does not blame the server for a reader who takes long', () => {
    let now = 0;
    const bytes = randomBytes(1_000_000);
    return over(() => answer(200, {}, bytes), async (transport, _server, url) => {
      const { body } = await transport.request(url, stream);
      const received: Buffer[] = [];
      for await (const chunk of body ?? assert.fail()) {
        received.push(chunk as Buffer);
        // Back-pressure has stopped the socket by now; only waiting counts.
        now += body?.readableLength === 0 ? 0 : 100_000;
      }
      assert.ok(Buffer.concat(received).equals(bytes));
    }, { now: () => now });
  });

  it('says that nobody listens', async () => {
    const server = await serve(() => undefined);
    await server.close();
    const origin = `http://127.0.0.1:${server.port}`;
    const transport = createTransport({ origin, connections: 1 });
    const failure = await failureOf(transport.request(`${origin}/b/k`, put));
    assert.deepEqual([failure.code, failure.retryable], ['remote-unavailable', true]);
    assert.match(failure.message, /connection was refused \(ECONNREFUSED\)/);
    await transport.close();
  });

  it('says that the store has been closed', () =>
    over(() => answer(200), async (transport, _server, url) => {
      await transport.close();
      const failure = await failureOf(transport.request(url, put));
      assert.deepEqual([failure.code, failure.retryable], ['interrupted', false]);
    }));

  it('means what its code says', () => {
    const subject = { object: 'oss://b/k', origin: 'https://oss.example' };
    const cases: [unknown, string, boolean][] = [
      [Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'remote-unavailable', false],
      [Object.assign(new Error('x'), { code: 'EMFILE' }), 'remote-unavailable', true],
      [new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]), 'remote-unavailable', true],
      [new Error('x'), 'remote-unavailable', true],
      ['x', 'remote-unavailable', true],
      [Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }), 'remote-refused', false],
      [Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'remote-refused', false],
      [new MisusedRequest('x'), 'internal', false],
    ];
    assert.match(networkFailure(Object.assign(new Error('x'), { code: 'EMFILE' }), subject).remedy ?? '', /ulimit -n/);
    for (const [error, code, retryable] of cases) {
      const failure = networkFailure(error, subject);
      assert.deepEqual([failure.code, failure.retryable, failure.cause], [code, retryable, undefined]);
    }
  });
});

describe('an abort', () => {
  it('before the start sends nothing', () =>
    over(() => answer(200), async (transport, server, url) => {
      const failure = await failureOf(transport.request(url, { ...put, ctx: { ...ctx, signal: AbortSignal.abort() } }));
      assert.deepEqual([failure.code, failure.retryable], ['interrupted', false]);
      assert.equal(server.connections(), 0);
    }));

  it('while waiting for an answer reaches the socket', () => {
    const abort = new AbortController();
    const closed = gate();
    return over((_request, socket) => {
      socket.once('close', () => closed.open());
      abort.abort();
      return undefined;
    }, async (transport, _server, url) => {
      assert.equal((await failureOf(transport.request(url, { ...put, ctx: { ...ctx, signal: abort.signal } }))).code, 'interrupted');
      await closed.promise;
    });
  });

  it('while waiting for a connection sends nothing afterwards', () => {
    const abort = new AbortController();
    const release = gate();
    return over((_request, socket) => {
      void release.promise.then(() => socket.write(answer(200)));
      return undefined;
    }, async (transport, server, url) => {
      const first = transport.request(url, put);
      const second = transport.request(url, { ...put, ctx: { ...ctx, signal: abort.signal } });
      abort.abort();
      assert.equal((await failureOf(second)).code, 'interrupted');
      release.open();
      assert.equal((await first).status, 200);
      assert.equal((await transport.request(url, get)).status, 200);
      assert.deepEqual(server.requests.map((request) => request.method), ['PUT', 'GET']);
    }, { connections: 1 });
  });

  it('in the middle of a stream errors it', () => {
    const abort = new AbortController();
    return over(() => answer(200, { 'content-length': 10 }, 'abc'), async (transport, _server, url) => {
      const { body } = await transport.request(url, { ...stream, ctx: { ...ctx, signal: abort.signal } });
      body?.once('data', () => abort.abort());
      assert.equal((await failureOf(buffer(body ?? assert.fail()))).code, 'interrupted');
    });
  });

  it('serves many requests with one signal', () =>
    over(() => answer(200), async (transport, _server, url) => {
      const warnings: Error[] = [];
      const listen = (warning: Error): number => warnings.push(warning);
      process.on('warning', listen);
      const { signal } = new AbortController();
      await Promise.all(Array.from({ length: 30 }, () => transport.request(url, { ...put, ctx: { ...ctx, signal } })));
      process.off('warning', listen);
      assert.deepEqual(warnings, []);
    }));
});

describe('TLS', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const cert = selfSigned(key);
  const server = createServer({ key, cert }, (_request, response) => response.end('secure'));
  let origin = '';

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  async function ask(options: Partial<TransportOptions> = {}): Promise<string> {
    const transport = createTransport({ origin, connections: 1, ...options });
    try {
      return (await transport.request(`${origin}/b/k`, get)).data.toString();
    } finally {
      await transport.close();
    }
  }

  it('refuses a certificate that nobody vouches for, for good', async () => {
    const failure = await failureOf(ask());
    assert.deepEqual([failure.code, failure.retryable], ['remote-refused', false]);
    assert.match(failure.message, /cannot be trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
    assert.match(failure.remedy ?? '', /--ca-file/);
  });

  it('refuses it even when Node is told not to look', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      assert.equal((await failureOf(ask())).code, 'remote-refused');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('accepts it when its issuer is in the CA file', async () => {
    assert.equal(await ask({ caCertificates: cert }), 'secure');
  });

  it('refuses a certificate for another name', async () => {
    origin = origin.replace('localhost', '127.0.0.1');
    assert.equal((await failureOf(ask({ caCertificates: cert }))).code, 'remote-refused');
    origin = origin.replace('127.0.0.1', 'localhost');
  });

  it('refuses TLS 1.1', async () => {
    const old = createServer({ key, cert, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, (_request, response) => response.end('secure'));
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    const place = `https://localhost:${(old.address() as AddressInfo).port}`;
    assert.match((await failureOf(ask({ origin: place, caCertificates: cert }))).code, /^remote-/);
    old.close();
  });

  it('says that a CA file holds no certificate', () => {
    for (const caCertificates of ['', 'text', key, cert.replace(/[A-Z]/g, '!'), `${cert}\n-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----`]) {
      assert.throws(() => createTransport({ origin, connections: 1, caCertificates }), { code: 'config-invalid' });
    }
  });
});
