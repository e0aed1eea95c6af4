/**
 * What does one PUT cost its client? `node dist/bench/http.js`
 *
 * µs of CPU time per request, 16 in flight on one thread, against a sink that swallows bodies: from a bare socket up to
 * what Sealift does, with the steps between, so that the price of each layer shows.
 */
import { randomFillSync } from 'node:crypto';
import { Agent, request } from 'node:http';
import AliOss from 'ali-oss';
import { Pool } from 'undici';
import { FloorSocket } from '../src/commands/bench/floor-socket.js';
import { startSink } from '../src/commands/bench/processes.js';
import { Crc64 } from '../src/crypto/crc64.js';
import { KiB, MiB } from '../src/limits.js';
import { createOssStore } from '../src/store/oss.js';
import { createTransport } from '../src/store/transport.js';
import { machine, mustHold, printRow, timed } from './machine.js';

const IN_FLIGHT = 16;
const REGION = 'cn-hangzhou';
const PATH = '/bench/object';
const SIZES = [4 * KiB, 64 * KiB, MiB];
const bodies = SIZES.map((bytes) => randomFillSync(Buffer.allocUnsafeSlow(bytes)));
const headers = { 'content-type': 'application/octet-stream', 'x-oss-meta-oss-crypto-key': 'k'.repeat(344), 'x-oss-meta-oss-crypto-start': 's'.repeat(344) };
const sink = await startSink({ discard: true });
const port = Number(sink.announced['port']);
const origin = `http://127.0.0.1:${port}`;
const credentials = { accessKeyId: 'bench', accessKeySecret: 'bench' };
let sent = 0;

type Body = (typeof bodies)[number];

try {
  console.log(`${machine()}\nµs of CPU per PUT, ${IN_FLIGHT} in flight, median of 5 rounds`);
  printRow('body', SIZES.map((bytes) => (bytes < MiB ? `${bytes / KiB} KiB` : `${bytes / MiB} MiB`)));
  await bareSocket();
  await undiciPool();
  await nodeHttp();
  await ourTransport();
  await ourStore();
  await aliOss();
  const { puts } = (await (await fetch(`${origin}/?stats`)).json()) as { puts: number };
  mustHold(puts === sent, `${puts} of ${sent} requests arrived`);
} finally {
  await sink.stop();
}

async function bareSocket(): Promise<void> {
  const sockets = Array.from({ length: IN_FLIGHT }, () => new FloorSocket(port));
  await row('a bare socket', async (body, slot) => {
    const lines = Object.entries({ ...headers, 'content-length': body.length }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    await sockets[slot]?.send(`PUT ${PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines}\r\n`, body);
  });
  sockets.forEach((socket) => socket.close());
}

async function undiciPool(): Promise<void> {
  const pool = new Pool(origin, { connections: IN_FLIGHT });
  await row('undici, dispatch', (body) => new Promise<void>((resolve, reject) => {
    pool.dispatch({ path: PATH, method: 'PUT', headers, body }, {
      onRequestStart: () => undefined, onResponseEnd: () => resolve(), onResponseError: (_controller, error) => reject(error),
    });
  }));
  await row('undici, request', async (body) => {
    await (await pool.request({ path: PATH, method: 'PUT', headers, body })).body.dump();
  });
  await pool.close();
}

async function nodeHttp(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  await row('node:http', (body) => new Promise<void>((resolve, reject) => {
    request({ agent, port, host: '127.0.0.1', path: PATH, method: 'PUT', headers: { ...headers, 'content-length': body.length } }, (answer) => {
      answer.resume().once('end', resolve);
    }).once('error', reject).end(body);
  }));
  agent.destroy();
}

async function ourTransport(): Promise<void> {
  const transport = createTransport({ origin, connections: IN_FLIGHT });
  await row('transport of the store', async (body) => {
    await transport.request(`${origin}${PATH}`, { method: 'PUT', headers: Object.entries(headers).flat(), content: body, ctx: { object: PATH } });
  });
  await transport.close();
}

async function ourStore(): Promise<void> {
  const store = await createOssStore({ bucket: 'bench', region: REGION, endpoint: origin, credentials, connections: IN_FLIGHT });
  const crc = Crc64.create();
  const sums = new Map(bodies.map((body) => [body, crc.digestOf(body)]));
  const metadata = { 'x-oss-meta-oss-crypto-key': headers['x-oss-meta-oss-crypto-key'], 'x-oss-meta-oss-crypto-start': headers['x-oss-meta-oss-crypto-start'] };
  await row('store: signed by V4, checksum compared', async (body) => {
    await store.put('object', body, { metadata, crc64: sums.get(body) ?? 0n });
  });
  await store.close();
}

async function aliOss(): Promise<void> {
  const client = new AliOss({ ...credentials, bucket: 'bench', region: `oss-${REGION}`, endpoint: `http://localhost:${port}`, authorizationV4: true, sldEnable: true } as AliOss.Options);
  await row('ali-oss as it comes, put(Buffer)', async (body) => {
    await client.put('object', body, { headers });
  });
}

async function row(name: string, put: (body: Body, slot: number) => Promise<void>): Promise<void> {
  const costs: number[] = [];
  for (const body of bodies) {
    const { cpuSeconds } = await timed(async () => {
      await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, slot) => await put(body, slot)));
      sent += IN_FLIGHT;
    });
    costs.push((cpuSeconds / IN_FLIGHT) * 1e6);
  }
  printRow(name, costs, 0);
}
