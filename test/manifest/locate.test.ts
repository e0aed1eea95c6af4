import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findManifest, newestUnfinished, newManifestFile, readHead } from '../../src/manifest/locate.js';
import { Manifest } from '../../src/manifest/manifest.js';
import { CLOSE, failureOf, HEAD, path, SESSION, temporaryDirectory } from './support.js';

const root = temporaryDirectory();
let count = 0;

/** A directory with these runs, opened at these minutes. */
async function runs(minutes: Readonly<Record<string, { at: number; complete?: boolean; kind?: 'push' | 'pull' }>>): Promise<string> {
  count += 1;
  const directory = join(root, String(count));
  for (const [name, { at, complete, kind = 'push' }] of Object.entries(minutes)) {
    const manifest = await Manifest.create(join(directory, `${name}.jsonl`), { ...HEAD, kind, createdAt: `2026-11-23T09:${String(at).padStart(2, '0')}:00.000Z` });
    manifest.started([path('a')]);
    await (complete === undefined ? manifest.release() : manifest.close({ ...CLOSE, complete }));
  }
  return directory;
}

describe('finding manifests', () => {
  it('returns the newest that is wanted, over all directories, whatever their names are', async () => {
    const one = await runs({ z: { at: 1 }, a: { at: 5 } });
    const two = await runs({ m: { at: 3 }, pull: { at: 9, kind: 'pull' } });
    const directories = [join(root, 'none'), one, two];
    assert.equal(await findManifest(directories, () => true), join(two, 'pull.jsonl'));
    assert.equal(await findManifest(directories, ({ kind }) => kind === 'push'), join(one, 'a.jsonl'));
    assert.equal(await findManifest([two], ({ kind }) => kind === 'push'), join(two, 'm.jsonl'));
    assert.equal(await findManifest(directories, () => false), undefined);
    assert.equal(await findManifest([], () => true), undefined);
  });

  it('passes over what is no manifest, and over the example of the documentation', async () => {
    const directory = await runs({ run: { at: 1 }, example: { at: 50 } });
    writeFileSync(join(directory, 'empty.jsonl'), '');
    writeFileSync(join(directory, 'notes.jsonl'), '{"a":1}\n{"b":2}\n');
    writeFileSync(join(directory, 'run.jsonl.lock'), '{}');
    mkdirSync(join(directory, 'directory.jsonl'));
    assert.equal(await findManifest([directory], () => true), join(directory, 'run.jsonl'));
    assert.equal(await newestUnfinished([directory]), join(directory, 'run.jsonl'));
  });

  it('returns the newest run that is not complete', async () => {
    const directory = await runs({ old: { at: 1 }, failed: { at: 2, complete: false }, complete: { at: 3, complete: true } });
    assert.equal(await newestUnfinished([directory]), join(directory, 'failed.jsonl'));
    const reopened = await Manifest.load(join(directory, 'complete.jsonl'));
    reopened.session(SESSION);
    await reopened.release();
    assert.equal(await newestUnfinished([directory]), join(directory, 'complete.jsonl'));
    assert.equal(await newestUnfinished([await runs({ complete: { at: 3, complete: true } })]), undefined);
  });

  it('takes a run for unfinished when something was written behind its end', async () => {
    const directory = await runs({ run: { at: 3, complete: true } });
    const file = join(directory, 'run.jsonl');
    assert.equal(await newestUnfinished([directory]), undefined);
    appendFileSync(file, '{"seq":4,"type":"session"');
    assert.equal(await newestUnfinished([directory]), file);
  });
});

describe('the head of a manifest', () => {
  it('is read without reading the rest, and as it was written, so that another can begin with it', async () => {
    const directory = await runs({ run: { at: 3 } });
    appendFileSync(join(directory, 'run.jsonl'), 'rubbish\n');
    const head = await readHead(join(directory, 'run.jsonl'));
    assert.deepEqual(head, { type: 'open', ...HEAD, createdAt: '2026-11-23T09:03:00.000Z' });
    await (await Manifest.create(join(directory, 'another.jsonl'), head)).release();
  });

  it('is missing where there is no file or no manifest', async () => {
    const directory = await runs({ run: { at: 3 } });
    assert.equal((await failureOf(() => readHead(join(directory, 'none.jsonl')))).code, 'manifest-missing');
    writeFileSync(join(directory, 'empty.jsonl'), '');
    assert.equal((await failureOf(() => readHead(join(directory, 'empty.jsonl')))).code, 'manifest-missing');
    writeFileSync(join(directory, 'text.jsonl'), 'text\n');
    assert.equal((await failureOf(() => readHead(join(directory, 'text.jsonl')))).code, 'manifest-corrupt');
  });
});

describe('a new manifest file', () => {
  it('is named after its run, which sorts by time, in the first directory', () => {
    const now = new Date('2026-11-23T09:00:07.123Z');
    const { run, file } = newManifestFile(['/first', '/second'], undefined, now);
    assert.match(run, /^20261123T090007Z-[0-9a-f]{6}$/);
    assert.equal(file, `/first/${run}.jsonl`);
    assert.notEqual(newManifestFile(['/first'], undefined, now).run, run);
    assert.ok(newManifestFile(['/first'], undefined, new Date('2026-11-23T09:00:08Z')).run > run);
  });

  it('may be named by the user, and must be somewhere', () => {
    const { run, file } = newManifestFile([], '/here/my.jsonl');
    assert.equal(file, '/here/my.jsonl');
    assert.match(run, /^\d{8}T\d{6}Z-[0-9a-f]{6}$/);
    assert.throws(() => newManifestFile([]), /no place/);
  });
});
