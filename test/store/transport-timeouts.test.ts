import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { createTransport } from '../../src/store/transport.js';
import { answer } from './raw-server.js';
import { failureOf, get, over, put, stream } from './transport-server.js';

describe('a time-out', { concurrency: true }, () => {
  it('gives up when no answer comes', () =>
    over(() => undefined, async (transport, _server, url) => {
      const failure = await failureOf(transport.request(url, put));
      assert.deepEqual([failure.code, failure.retryable], ['remote-unavailable', true]);
      assert.match(failure.message, /idle time-out/);
    }, { idleTimeoutMs: 30 }));

  it('gives up when an answer stalls', () =>
    over(() => answer(200, { 'content-length': 10 }, 'abc'), async (transport, _server, url) => {
      const whole = failureOf(transport.request(url, get));
      const streamed = failureOf(transport.request(url, stream).then(({ body }) => buffer(body ?? assert.fail())));
      assert.match((await whole).message, /stalled/);
      assert.match((await streamed).message, /stalled/);
    }, { idleTimeoutMs: 500 })); // Long enough for the head to come while other tests keep the machine busy.

  const trickles = { 'bytes of a header': 'a', 'interim answers': 'HTTP/1.1 102 Processing\r\n\r\n' };
  for (const [what, bytes] of Object.entries(trickles)) {
    it(`gives up on a head that never ends for all its ${what}`, () =>
      over((_request, socket) => {
        const trickle = setInterval(() => socket.write(bytes), 20);
        socket.on('close', () => clearInterval(trickle));
        return bytes === 'a' ? 'HTTP/1.1 200 OK\r\nx-a: ' : undefined;
      }, async (transport, _server, url) => {
        assert.match((await failureOf(transport.request(url, get))).message, /no answer within the idle time-out/);
      }, { idleTimeoutMs: 200 }));
  }

  it('gives up when nobody reads what it sends', async () => {
    const deaf = createServer((socket) => socket.pause());
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    const transport = createTransport({ origin, connections: 1, idleTimeoutMs: 50 });
    const content = Buffer.alloc(64 * 1024 * 1024);
    const failure = await failureOf(transport.request(`${origin}/b/k`, { ...put, content, headers: ['content-length', String(content.length)] }));
    assert.match(failure.message, /idle time-out/);
    await transport.close();
    deaf.close();
  });
});
