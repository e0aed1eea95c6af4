import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LONG_BODY_BYTES, MiB } from '../../src/limits.js';
import { AnswerReader } from '../../src/store/transport-answers.js';
import { BrokenAnswer } from '../../src/store/transport-failures.js';
import { RequestHeads, type TransportArguments } from '../../src/store/transport-request.js';
import { createTransport } from '../../src/store/transport.js';
import { answer, gate, serve } from './raw-server.js';

interface Read {
  readonly status: number;
  readonly headers: object;
  readonly body: string;
  readonly ended: boolean | undefined;
}

/** What a reader makes of these bytes, cut at these places; `closes` when the connection ends with them. */
function read(bytes: string | Buffer, { method = 'GET', cuts = [], closes = false }: { method?: string; cuts?: readonly number[]; closes?: boolean } = {}): Read {
  let [status, headers, body, ended]: [number, object, string, boolean | undefined] = [0, {}, '', undefined];
  const reader = new AnswerReader({
    head: (code, fields) => { [status, headers] = [code, { ...fields }]; },
    data: (piece) => { body += piece.toString('latin1'); },
    end: (reusable) => { ended = reusable; },
  });
  reader.expect(method);
  const all = Buffer.from(bytes as string, 'latin1');
  const places = [0, ...cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b), all.length];
  places.slice(1).forEach((end, index) => reader.push(all.subarray(places[index], end)));
  if (closes) {
    reader.close();
  }
  return { status, headers, body, ended };
}

const chunked = (pieces: readonly string[], extra = ''): string =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n${pieces.map((piece) => `${piece.length.toString(16)}${extra}\r\n${piece}\r\n`).join('')}0\r\nx-trailer: a\r\n\r\n`;

describe('an answer', () => {
  it('is the same however it is cut', () => {
    const content = fc.string({ maxLength: 40, unit: fc.constantFrom('a', '\r', '\n', '0', ':') });
    const anyAnswer = fc.oneof(
      content.map((body) => ({ bytes: `HTTP/1.1 200 OK\r\nContent-Length:${body.length}\r\nX-A:  b \r\n\r\n${body}`, body })),
      fc.array(content.filter((piece) => piece !== ''), { maxLength: 4 }).map((pieces) => ({ bytes: chunked(pieces), body: pieces.join('') })),
      content.map((body) => ({ bytes: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 \r\ncontent-length: ${body.length}\r\n\r\n${body}`, body })),
    );
    fc.assert(fc.property(anyAnswer, fc.array(fc.nat(), { maxLength: 8 }), ({ bytes, body }, cuts) => {
      const whole = read(bytes);
      assert.deepEqual([whole.body, whole.ended], [body, true]);
      assert.deepEqual(read(bytes, { cuts }), whole);
    }), { numRuns: 500 });
  });

  it('has headers in lower case, without spaces around, repeated ones as a list', () => {
    const { status, headers } = read('HTTP/1.1 200\r\nETag: "E" \r\nX-A:1\r\nx-a: 2\r\nX-a:3\r\n__proto__: x\r\nconstructor: y\r\ncontent-length: 0\r\n\r\n');
    assert.deepEqual([status, headers], [200, { etag: '"E"', 'x-a': ['1', '2', '3'], constructor: 'y', 'content-length': '0' }]);
  });

  it('keeps every byte of a header but spaces and tabs around it', () => {
    const { headers } = read('HTTP/1.1 200 OK\r\na:\t \xa0v \tw\xa0 \t\r\nb:\xa0\r\nc: \t \r\nd:\r\ncontent-length:\t0\t\r\n\r\n');
    assert.deepEqual(headers, { 'a': '\xa0v \tw\xa0', 'b': '\xa0', 'c': '', 'd': '', 'content-length': '0' });
  });

  for (const [name, head, method, body, reusable] of [
    ['of HEAD has no body', 'HTTP/1.1 200 OK\r\ncontent-length: 5', 'HEAD', '', true],
    ['204 has no body', 'HTTP/1.1 204 No Content', 'DELETE', '', true],
    ['304 has no body', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5', 'GET', '', true],
    ['may end the connection', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: Close', 'GET', '', false],
    ['of an old server ends the connection', 'HTTP/1.0 200 OK\r\ncontent-length: 0', 'GET', '', false],
    ['of an old server may leave it open', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive', 'GET', '', true],
  ] as const) {
    it(name, () => {
      const seen = read(`${head}\r\n\r\n`, { method });
      assert.deepEqual([seen.body, seen.ended], [body, reusable]);
    });
  }

  it('without a length ends with its connection', () => {
    const open = read('HTTP/1.1 200 OK\r\n\r\nabc');
    assert.deepEqual([open.body, open.ended], ['abc', undefined]);
    assert.equal(read('HTTP/1.1 200 OK\r\n\r\nabc', { closes: true }).ended, false);
  });

  it('takes extensions of chunks, and is complete before the connection closes', () => {
    assert.deepEqual(read(chunked(['abc'], ';a=b'), { closes: true }).body, 'abc');
  });

  for (const [what, bytes] of [
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 099 OK\r\n\r\n'],
    ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\na'],
    ['an encoding that is not known', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\na'],
    ['a header with a space in its name', 'HTTP/1.1 200 OK\r\ncontent-length : 1\r\n\r\na'],
    ['a folded header', 'HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n'],
    ['a bare line feed', 'HTTP/1.1 200 OK\na: b\r\n\r\n'],
    ['a chunk without a size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n'],
    ['a chunk with a negative size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n'],
    ['a chunk that is longer than it says', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n'],
    ['a size line without end', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}`],
    ['a head without end', `HTTP/1.1 200 OK\r\na: ${'x'.repeat(70_000)}`],
    ['more than the answer', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nabHTTP/1.1 200 OK\r\n'],
  ] as const) {
    it(`is none when it has ${what}`, () => {
      assert.throws(() => read(bytes), BrokenAnswer);
      assert.throws(() => read(bytes, { cuts: [3, 20, 21, 50] }), BrokenAnswer);
    });
  }

  it('is not complete before its end', () => {
    for (const bytes of ['', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na', chunked(['abc']).slice(0, -1)]) {
      assert.throws(() => read(bytes, { closes: true }), BrokenAnswer);
    }
  });
});

const BAD_HEADERS = [['a', 'b\r\nx: y'], ['a', 'b\n'], ['a\r\nx', 'b'], ['a b', 'c'], ['', 'b'], ['a', '\u0100'], ['a', '\0'], ['a', 'ä'], ['a', ' b'], ['a', 'b ']];

describe('the head of a request', () => {
  const args = { method: 'PUT', headers: [], ctx: { object: 'o' } } as const;
  const headOf = (url: string, request: TransportArguments): string => new RequestHeads('h:1').write(url, request);

  it('says how long the body is, whatever else was said', () => {
    assert.equal(headOf('http://h/b/k?a', { ...args, headers: ['Content-Length', '7', 'x-a', 'b'], content: Buffer.from('abc') }), 'PUT /b/k?a HTTP/1.1\r\nhost: h:1\r\nconnection: keep-alive\r\nx-a: b\r\ncontent-length: 3\r\n\r\n');
    assert.match(headOf('http://h/b/k', { ...args, method: 'POST' }), /\r\ncontent-length: 0\r\n\r\n$/);
    assert.doesNotMatch(headOf('http://h/b/k', { ...args, method: 'GET' }), /content-length/);
  });

  it('takes nothing that would end a line', () => {
    for (const headers of BAD_HEADERS) {
      assert.throws(() => headOf('http://h/b', { ...args, headers }), /a header has characters/);
    }
    for (const path of ['/a b', '/a\r\nx: y', '/ä']) {
      assert.throws(() => headOf(`http://h${path}`, args), /the path has characters/);
    }
  });

  it('takes nothing of the kind after good ones, and once refused not the next time either', () => {
    const good = ['a', 'b', 'c', 'd'];
    for (const bad of BAD_HEADERS) {
      for (const headers of [bad, ['a', 'b', ...bad], [...bad, 'c', 'd'], ['c', 'd', ...bad], ['a', 'b', 'c', 'd', ...bad]]) {
        const heads = new RequestHeads('h');
        const first = heads.write('http://h/b', { ...args, headers: good });
        assert.throws(() => heads.write('http://h/b', { ...args, headers }), /a header has characters/);
        assert.throws(() => heads.write('http://h/b', { ...args, headers }), /a header has characters/);
        assert.equal(heads.write('http://h/b', { ...args, headers: good }), first);
      }
    }
  });
});

describe('a connection', () => {
  const ctx = { object: 'oss://b/k' };
  const get = { method: 'GET', headers: [], ctx } as const;

  async function connectionsFor(bytes: string | Buffer, requests: readonly { readonly content?: Buffer }[] = [{}, {}]): Promise<number> {
    const server = await serve(() => bytes);
    const transport = createTransport({ origin: `http://127.0.0.1:${server.port}`, connections: 1 });
    for (const request of requests) {
      await transport.request('http://h/b/k', { ...get, ...request });
    }
    await transport.close();
    await server.close();
    return server.connections();
  }

  it('serves the next request unless the server says otherwise, or says too much', async () => {
    assert.equal(await connectionsFor(answer(200)), 1);
    assert.equal(await connectionsFor(answer(200, { 'keep-alive': 'timeout=60, max=5' })), 1);
    assert.equal(await connectionsFor(answer(200, { 'keep-alive': 'timeout=1' })), 2);
    assert.equal(await connectionsFor(answer(200, { connection: 'close' })), 2);
    assert.equal(await connectionsFor(`${answer(200).toString()}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n`), 2);
  });

  it('brings long bodies and short ones in turn as they are', async () => {
    const long = [LONG_BODY_BYTES - 1, LONG_BODY_BYTES, LONG_BODY_BYTES + 1].map((bytes) => randomBytes(bytes));
    const contents = long.flatMap((content) => [content, Buffer.from('short')]);
    const server = await serve((_request, _socket, index) => answer(200, {}, contents[index] ?? assert.fail()));
    const transport = createTransport({ origin: `http://127.0.0.1:${server.port}`, connections: 1 });
    for (const content of contents) {
      const { body } = await transport.request('http://h/b/k', { ...get, customResponse: true });
      assert.ok((await buffer(body ?? assert.fail())).equals(content));
    }
    await transport.close();
    await server.close();
  });

  it('is not used again when the answer came before the body was sent', async () => {
    const refusing = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => {
        socket.pause();
        socket.write(answer(403));
      });
    });
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    const seen: unknown[] = [];
    refusing.on('connection', (socket) => seen.push(socket));
    const transport = createTransport({ origin: `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`, connections: 1 });
    for (let sent = 1; sent <= 2; sent += 1) {
      assert.equal((await transport.request('http://h/b/k', { ...get, method: 'PUT', content: Buffer.alloc(64 * MiB) })).status, 403);
      assert.equal(seen.length, sent);
    }
    await transport.close();
    refusing.close();
  });

  it('that the server has ended meanwhile is replaced', async () => {
    const closed = gate();
    const server = await serve((_request, socket, index) => {
      socket.once('close', () => closed.open());
      socket.write(answer(200));
      return index === 0 ? void socket.end() : undefined;
    });
    const transport = createTransport({ origin: `http://127.0.0.1:${server.port}`, connections: 1 });
    assert.equal((await transport.request('http://h/b/k', get)).status, 200);
    await closed.promise;
    assert.equal((await transport.request('http://h/b/k', get)).status, 200);
    assert.equal(server.connections(), 2);
    await transport.close();
    await server.close();
  });
});
