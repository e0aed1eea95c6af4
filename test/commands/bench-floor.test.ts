import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Job, Operation } from '../../src/commands/bench/job.js';
import { measure, startSink } from '../../src/commands/bench/processes.js';
import { makeWork } from '../../src/commands/bench/work.js';
import { createRsaKey } from '../../src/keys/key-files.js';

const FILES = 12;
const BYTES = 3000;
const OBJECT = 'bench/x/directory-0/file-0.0';

interface Scene {
  readonly endpoint: string;
  readonly source: string;
  push(): Promise<unknown>;
  pull(): Promise<unknown>;
  /** Of everything that the last pull gave a name, below its destination; sorted. */
  pulled(): readonly string[];
}

async function makeScene(t: TestContext): Promise<Scene> {
  const scratch = mkdtempSync(join(tmpdir(), 'sealift-test-'));
  t.after(() => rmSync(scratch, { recursive: true, force: true }));
  const [source, keyFile] = [join(scratch, 'source'), join(scratch, 'key.pem')];
  mkdirSync(source);
  await createRsaKey(keyFile, { bits: 2048 });
  const { files } = makeWork('x', [{ files: FILES, bytes: BYTES }], source);
  const sink = await startSink();
  t.after(() => sink.stop());
  const endpoint = `http://127.0.0.1:${Number(sink.announced['port'])}`;
  const common = {
    program: 'floor', files, keyFile, envelope: 'oss-crypto', threads: 1, concurrency: 2, manifest: join(scratch, 'none'),
    target: { bucket: 'bench', prefix: 'bench/x', region: 'cn-hangzhou', endpoint }, credentials: { accessKeyId: 'bench', accessKeySecret: 'bench' },
  } as const satisfies Partial<Job>;
  const run = (operation: Operation, directory: string): Promise<unknown> => measure({ ...common, operation, directory }, new AbortController().signal);
  let target = '';
  return {
    endpoint, source,
    push: () => run('push', source),
    pull: () => run('pull', (target = mkdtempSync(join(scratch, 'target-')))),
    pulled: () => filesBelow(target).filter((path) => !path.endsWith('.part')),
  };
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name)).sort();
}

interface Changed {
  readonly header?: Readonly<Record<string, string>>;
  readonly body?: boolean;
}

/** Puts one object again with a header or the body changed, and returns what puts it back; the sink answers with the right checksum of what it is sent. */
async function change({ endpoint }: Scene, changed: Changed): Promise<() => Promise<unknown>> {
  const url = `${endpoint}/bench/${OBJECT}`;
  const answer = await fetch(url);
  const original = Buffer.from(await answer.arrayBuffer());
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('x-oss-meta-')));
  const body = Buffer.from(original);
  body[17] = (body[17] ?? 0) ^ (changed.body === true ? 1 : 0);
  await fetch(url, { method: 'PUT', body, headers: { ...headers, ...changed.header } });
  return () => fetch(url, { method: 'PUT', body: original, headers });
}

describe('the floor of a bench', () => {
  it('pulls what it pushed, and gives no name to an object that was changed, as the format asks of every reader', async (t) => {
    const scene = await makeScene(t);
    await scene.push();
    for (const changed of [{ body: true }, { header: { 'x-oss-meta-sealift-mac': '0'.repeat(32) } }, { header: { 'x-oss-meta-sealift-name': 'bench/x/other' } }]) {
      const restore = await change(scene, changed);
      await assert.rejects(scene.pull(), /is not what was pushed|unable to authenticate data/);
      assert.ok(!scene.pulled().some((path) => path.endsWith('/file-0.0')), JSON.stringify(changed));
      await restore();
    }
    await scene.pull();
    const contents = (paths: readonly string[]): string[] => paths.map((path) => readFileSync(path, 'latin1')).sort();
    assert.equal(scene.pulled().length, FILES);
    assert.deepEqual(contents(scene.pulled()), contents(filesBelow(scene.source)));
  });
});
