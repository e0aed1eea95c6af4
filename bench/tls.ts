/**
 * What does TLS cost? `node dist/bench/tls.js [--runs 3] [--threads 2]`
 *
 * Pushes and pulls the same files to one sink in the clear and to another behind https, in turn, and prints the ratio of
 * CPU time. Counts handshakes: a connection that is not kept alive across batches would show as one handshake per request,
 * so there must not be more of them than a run may have connections.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { startSink } from '../src/commands/bench/processes.js';
import { measureProgram, type Measures, type Stage } from '../src/commands/bench/round.js';
import { openSink, type Place } from '../src/commands/bench/target.js';
import { makeWork, nameOf, type Group } from '../src/commands/bench/work.js';
import { createRsaKey } from '../src/keys/key-files.js';
import { DEFAULT_CONCURRENCY, KiB, MiB } from '../src/limits.js';
import { makeCertificate } from './certificate.js';
import { judge, machine, median, mustHold } from './machine.js';

const SETS: readonly Group[] = [{ files: 2000, bytes: 4 * KiB }, { files: 2, bytes: 128 * MiB }];

const { values: flags } = parseArgs({ options: { runs: { type: 'string', default: '3' }, threads: { type: 'string', default: '2' } } });
const [runs, threads] = [Number(flags.runs), Number(flags.threads)];
/** Each thread has its own, and so has the coordinator. */
const mostConnections = (threads + 1) * DEFAULT_CONCURRENCY;
const combination = { threads, concurrency: DEFAULT_CONCURRENCY, partBytes: undefined, memoryBytes: undefined, withPull: true, withProfile: false, isWarm: false, runs };
const scratch = mkdtempSync(join(tmpdir(), 'sealift-bench-'));

try {
  console.log(machine());
  const keyFile = join(scratch, 'key.pem');
  await createRsaKey(keyFile, { bits: 2048 });
  for (const group of SETS) {
    await compare(group, keyFile);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

interface Secured {
  readonly place: Place;
  /** Handshakes so far, that of the asking connection among them. */
  handshakes(): Promise<Seen>;
}

interface Seen {
  readonly connections: number;
  readonly requests: number;
}

async function compare(group: Group, keyFile: string): Promise<void> {
  const directory = mkdtempSync(join(scratch, 'set-'));
  const [clear, secured] = [await openSink(0), await openSecured(directory)];
  try {
    const data = join(directory, 'data');
    mkdirSync(data);
    const stage = {
      work: makeWork(nameOf(group), [group], data), sink: clear, latencyMs: 0, scratch: directory, keyFile, envelope: 'oss-crypto', keyBits: 2048,
      signal: new AbortController().signal, mayRepeat: () => true, say: () => undefined,
    } as const;
    await inTurn(stage, clear, secured);
  } finally {
    await clear.close();
    await secured.place.close();
  }
}

async function inTurn(stage: Omit<Stage, 'place'>, clear: Place, secured: Secured): Promise<void> {
  const http: Measures[] = [];
  const https: Measures[] = [];
  const handshakes: number[] = [];
  const requests: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    http.push(await measureProgram('sealift', combination, { ...stage, place: clear }));
    const before = await secured.handshakes();
    https.push(await measureProgram('sealift', combination, { ...stage, place: secured.place }));
    const after = await secured.handshakes();
    handshakes.push(after.connections - before.connections);
    requests.push(after.requests - before.requests);
  }
  for (const operation of ['push', 'pull'] as const) {
    const [plain, tls] = [http, https].map((all) => all.map((measures) => measures[operation]?.cpuSeconds ?? NaN)) as [number[], number[]];
    const ratio = median(tls.map((seconds, run) => seconds / (plain[run] ?? NaN)));
    console.log(`${operation} ${stage.work.name}: ${median(plain).toFixed(2)} cpu-s over http, ${median(tls).toFixed(2)} over https, ${ratio.toFixed(2)} times, median of ${runs}`);
  }
  // A push, a pull, and the look at what was sealed are three clients, one after the other.
  const bound = 3 * mostConnections;
  const most = Math.max(...handshakes);
  judge(`handshakes of a push, a pull and the proof: ${most}, for ${Math.max(...requests)} requests over ${bound} connections at most`, most <= bound);
}

async function openSecured(directory: string): Promise<Secured> {
  const { key, certificate, pem } = makeCertificate(directory);
  const server = await startSink({ tls: { key, certificate } });
  const endpoint = `https://127.0.0.1:${String(server.announced['port'])}`;
  const agent = new Agent({ keepAlive: true, ca: pem });
  const ask = (path: string, method = 'GET'): Promise<string> => asked(`${endpoint}${path}`, { agent, method });
  return {
    place: {
      name: 'sink over https', target: { bucket: 'bench', prefix: 'bench', region: 'cn-hangzhou', endpoint, caCertificates: pem },
      credentials: { accessKeyId: 'bench', accessKeySecret: 'bench' },
      forget: async (prefix) => {
        await ask(`/bench?prefix=${encodeURIComponent(`${prefix}/`)}`, 'DELETE');
      },
      close: async () => {
        agent.destroy();
        await server.stop();
      },
    },
    handshakes: async () => {
      const seen = JSON.parse(await ask('/?stats')) as Seen;
      mustHold(seen.connections > 0, 'the sink counts no connection');
      return seen;
    },
  };
}

async function asked(url: string, options: { readonly agent: Agent; readonly method: string }): Promise<string> {
  return await new Promise((resolve, reject) => {
    get(url, options, (response) => void text(response).then(resolve, reject)).on('error', reject);
  });
}
