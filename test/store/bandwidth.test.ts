import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { describe, it, type TestContext } from 'node:test';
import { KiB, MIN_BANDWIDTH, MiB } from '../../src/limits.js';
import { Bandwidth, shareBandwidth } from '../../src/store/bandwidth.js';
import { createTransport } from '../../src/store/transport.js';
import { content } from '../support/trees.js';
import { answer } from './raw-server.js';
import { ctx, failureOf, get, over, put, stream } from './transport-server.js';

/** A bandwidth, and the bytes of each turn that was taken. */
function observed(t: TestContext, bytesPerSecond = 64 * MiB): { bandwidth: Bandwidth; turns: () => number[]; sum: () => number } {
  const bandwidth = new Bandwidth(shareBandwidth(bytesPerSecond));
  const turn = t.mock.method(bandwidth, 'turn');
  const turns = (): number[] => turn.mock.calls.map((call) => call.arguments[0]);
  return { bandwidth, turns, sum: () => turns().reduce((sum, bytes) => sum + bytes, 0) };
}

/** Under the least bandwidth, longer than any test waits. */
const LONG = content(2 * MiB);

describe('a transport with a bandwidth', { concurrency: true }, () => {
  for (const bytes of [0, 1, 256 * KiB, 256 * KiB + 1, 3_000_001]) {
    it(`sends and receives ${bytes} bytes as they are, each in its turn`, async (t) => {
      const { bandwidth, turns, sum } = observed(t);
      const body = content(bytes);
      await over(() => answer(200, {}, body), async (transport, server, url) => {
        await transport.request(url, { ...put, content: body });
        assert.ok(server.requests[0]?.body.equals(body));
        assert.equal(sum(), bytes);
        const { body: received } = await transport.request(url, stream);
        assert.ok((await buffer(received ?? assert.fail())).equals(body));
        assert.equal(sum(), 2 * bytes);
        assert.ok(turns().every((piece) => piece <= bandwidth.pieceBytes), turns().join());
      }, { bandwidth });
    });
  }

  it('counts what is sent again, and neither listings nor requests that are no objects', async (t) => {
    const { bandwidth, sum } = observed(t);
    await over((_request, _socket, index) => answer(index === 0 ? 503 : 200, {}, 'an answer'), async (transport, _server, url) => {
      await transport.request(url, put);
      await transport.request(url, put);
      await transport.request(url, get);
      await transport.request(url, { ...put, method: 'POST' });
      assert.equal(sum(), 2 * Buffer.from('body').length);
    }, { bandwidth });
  });

  it('does not read on while what it has read waits', async (t) => {
    const { bandwidth } = observed(t, MiB);
    let server: Socket | undefined;
    await over((_request, socket) => {
      server = socket;
      return answer(200, {}, Buffer.alloc(64 * MiB));
    }, async (transport, _server, url) => {
      const { body } = await transport.request(url, stream);
      let bytes = 0;
      for await (const piece of body ?? assert.fail()) {
        bytes += (piece as Buffer).length;
        if (bytes > 4 * bandwidth.pieceBytes) {
          break;
        }
      }
      assert.ok((server?.writableLength ?? 0) > 0, 'all of it has been read');
    }, { bandwidth });
  });

  it('does not take its own waiting for silence of the server', async () => {
    const shared = shareBandwidth(MIN_BANDWIDTH);
    const bandwidth = new Bandwidth(shared);
    const body = content(10 * bandwidth.pieceBytes);
    // Another thread takes as much as lasts several times the time-out, as soon as the request has begun.
    const takeMuch = (): void => void new Bandwidth(shared).turn(MIN_BANDWIDTH, () => undefined, () => undefined);
    const server = createServer((socket) => {
      let received = 0;
      socket.once('data', takeMuch);
      socket.on('data', (bytes) => {
        received += bytes.length;
        if (received > body.length) {
          socket.end(answer(200, { connection: 'close' }));
        }
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = createTransport({ origin, connections: 1, idleTimeoutMs: 300, bandwidth });
    const { status } = await transport.request(`${origin}/b/k`, { ...put, content: body });
    assert.equal(status, 200);
    await transport.close();
    server.close();
  });
});

interface Waiting {
  /** Resolves when it waits. */
  readonly begun: Promise<unknown>;
  readonly outcome: Promise<unknown>;
}

describe('whoever waits for the bandwidth', { concurrency: true }, () => {
  const ends = {
    'an abort': (abort: AbortController) => abort.abort(),
    'the end of the run': (_abort: AbortController, bandwidth: Bandwidth) => bandwidth.close(),
  };
  for (const [what, end] of Object.entries(ends)) {
    it(`before the request, gives up at ${what}, and nothing is sent`, async () => {
      await waiting((request, bandwidth) => {
        bandwidth.turn(LONG.length, () => undefined, () => undefined);
        return { begun: Promise.resolve(), outcome: request({ ...put, content: LONG }) };
      }, end, 0);
    });

    it(`with a body half sent, gives up at ${what}`, async () => {
      await waiting((request, _bandwidth, connected) => ({ begun: connected, outcome: request({ ...put, content: LONG }) }), end, 1);
    });

    it(`with a body half received, gives up at ${what}`, async () => {
      await waiting((request) => {
        const body = request(stream).then((answered) => answered.body ?? assert.fail());
        return { begun: body.then(firstPiece), outcome: body.then((received) => finished(received)) };
      }, end, 1);
    });
  }

  it('is refused once the run has ended, in a thread that meets it only then too', () => {
    const shared = shareBandwidth(MIN_BANDWIDTH);
    const bandwidth = new Bandwidth(shared);
    bandwidth.close();
    let refused = 0;
    [bandwidth, new Bandwidth(shared)].forEach((late) => late.turn(1, () => assert.fail(), () => (refused += 1)));
    assert.equal(refused, 2);
  });
});

async function firstPiece(body: Readable): Promise<void> {
  await once(body, 'data');
}

type Request = (args: typeof put) => ReturnType<ReturnType<typeof createTransport>['request']>;

/** Has something wait on a server that takes whatever comes and answers a GET with a long body, ends it, and looks at what became of it. */
async function waiting(
  begin: (request: Request, bandwidth: Bandwidth, connected: Promise<unknown>) => Waiting, end: (abort: AbortController, bandwidth: Bandwidth) => void,
  connections: number,
): Promise<void> {
  const bandwidth = new Bandwidth(shareBandwidth(MIN_BANDWIDTH));
  const abort = new AbortController();
  let connectionsSeen = 0;
  const server = createServer((socket) => {
    connectionsSeen += 1;
    socket.on('error', () => undefined);
    socket.once('data', (head) => head.toString('latin1').startsWith('GET') && socket.write(answer(200, {}, LONG)));
    socket.resume();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createTransport({ origin, connections: 1, bandwidth });
  const request: Request = (args) => transport.request(`${origin}/b/k`, { ...args, ctx: { ...ctx, signal: abort.signal } });
  const connected = once(server, 'connection').then(async ([socket]) => {
    await once(socket as Socket, 'data');
  });
  const { begun, outcome } = begin(request, bandwidth, connected);
  const failure = failureOf(outcome);
  await begun;
  end(abort, bandwidth);
  assert.equal((await failure).code, 'interrupted');
  assert.equal(connectionsSeen, connections);
  await transport.close();
  server.close();
}
