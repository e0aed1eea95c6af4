import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Manifest } from '../../src/manifest/manifest.js';
import { openView, type ManifestView } from '../../src/manifest/view.js';
import { failureOf, HEAD, ManualTimer, path, sealing, statOf, STORED, temporaryDirectory } from './support.js';

/**
 * The manifest against a model that knows nothing of files: after any sequence of records, a loss of power that cuts the
 * file anywhere behind the last byte that was brought to the disk leaves what the model knew after the last whole line.
 */

interface Known {
  readonly state: string;
  readonly attempted: boolean;
  readonly attempt?: number;
  readonly uploadId?: string | undefined;
  readonly parts: readonly number[];
  readonly temporary?: string;
  readonly ranges: readonly number[];
}

type Model = ReadonlyMap<string, Known>;

interface Action {
  readonly kind: 'started' | 'done' | 'failed' | 'exists' | 'skipped' | 'directory' | 'sealed' | 'upload' | 'part' | 'abandoned' | 'fetching' | 'range' | 'load';
  /** Names are few, so that sequences come back to the same file. */
  readonly file: number;
  readonly number: number;
  readonly flush: boolean;
}

const NOTHING = { parts: [], ranges: [] };

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('started', 'done', 'failed', 'exists', 'skipped', 'directory', 'sealed', 'upload', 'part', 'part', 'abandoned', 'fetching', 'range', 'load'),
  file: fc.nat(4),
  number: fc.integer({ min: 1, max: 4 }),
  flush: fc.boolean(),
});

function nameOf({ file }: Action): string {
  return `directory/file ${file} \u00fc`;
}

/** What the action makes of the model; undefined where it may not happen. */
function step(model: Model, act: Action): Model | undefined {
  const name = nameOf(act);
  const before = model.get(name);
  const after = (known: Known | undefined): Model | undefined => (known === undefined ? undefined : new Map(model).set(name, known));
  const told = (state: string, attempted: boolean): Known => ({ ...(before ?? NOTHING), state, attempted });
  switch (act.kind) {
    case 'load':
      return model;
    case 'started':
      return after(told('started', true));
    case 'failed':
      return after(told('failed', before?.attempted ?? false));
    case 'exists':
      return after(told('failed', false));
    case 'skipped':
      return after(told('skipped', before?.attempted ?? false));
    case 'directory':
      return after(told('directory', before?.attempted ?? false));
    case 'done':
      return after(before && { ...NOTHING, state: 'done', attempted: true });
    case 'abandoned':
      return after(before && { ...NOTHING, state: 'abandoned', attempted: true });
    case 'sealed':
      return after(before && { ...before, state: 'sealed', attempted: true, attempt: act.number, uploadId: undefined, parts: [] });
    case 'upload':
      return after(before?.attempt === undefined ? undefined : { ...before, uploadId: `U${act.number}` });
    case 'part':
      return after(before?.attempt === undefined ? undefined : { ...before, parts: [...new Set([...before.parts, act.number])].sort() });
    case 'fetching':
      return after(before && { ...before, state: 'fetching', temporary: `.t${act.number}`, ranges: [] });
    case 'range':
      return after(before?.temporary === undefined ? undefined : { ...before, ranges: [...new Set([...before.ranges, act.number])].sort() });
  }
}

/** Does to a manifest what {@link step} does to the model. */
function perform(manifest: Manifest, act: Action): void {
  const name = path(nameOf(act));
  const id = manifest.find(name)?.id ?? -1;
  const { number } = act;
  const ignored = (promise: Promise<void>): void => void promise.catch(() => undefined);
  switch (act.kind) {
    case 'load':
      return;
    case 'started':
      manifest.started([name]);
      return;
    case 'failed':
      manifest.failed(name, { code: 'unreadable', message: `attempt ${number}`, retryable: false });
      return;
    case 'exists':
      manifest.failed(name, { code: 'exists', message: `attempt ${number}`, retryable: false });
      return;
    case 'skipped':
      manifest.skipped(name, 'symlink', `target ${number}`);
      return;
    case 'directory':
      manifest.directory(name);
      return;
    case 'done':
      manifest.done(id, statOf({ sizeBytes: number }), STORED);
      return;
    case 'abandoned':
      ignored(manifest.abandoned(id, 'unstable'));
      return;
    case 'sealed':
      ignored(manifest.sealed(sealing(id, { attempt: number })));
      return;
    case 'upload':
      ignored(manifest.upload(id, `U${number}`));
      return;
    case 'part':
      manifest.part(id, { number, etag: 'P' }, 1n);
      return;
    case 'fetching':
      ignored(manifest.fetching({ id, temporary: `.t${number}`, etag: 'E', size: 64, rangeBytes: 16 }));
      return;
    case 'range':
      manifest.range(id, number);
      return;
  }
}

function observe(manifest: ManifestView): Model {
  const files = [...manifest.entries()].map(({ id, state, attempted }): [string, Known] => {
    const upload = manifest.pendingUpload(id);
    const fetch = manifest.pendingFetch(id);
    return [manifest.path(id), {
      state, attempted,
      ...(upload === undefined ? {} : { attempt: upload.sealed.attempt, uploadId: upload.uploadId }),
      parts: [...(upload?.parts.keys() ?? [])].sort(),
      ...(fetch === undefined ? {} : { temporary: fetch.fetching.temporary }),
      ranges: [...(fetch?.ranges ?? [])].sort(),
    }];
  });
  return new Map(files);
}

interface Written {
  readonly file: string;
  /** The model after each record, and how long the file was then. */
  readonly history: readonly { readonly model: Model; readonly bytes: number }[];
  /** Bytes that a loss of power cannot take. */
  readonly durableBytes: number;
}

const directory = temporaryDirectory();

/** Carries the actions out on a manifest and on the model. */
async function write(file: string, actions: readonly Action[]): Promise<Written> {
  for (const leftover of ['', '.lock', '.torn-1']) {
    rmSync(`${file}${leftover}`, { force: true });
  }
  const { timer } = new ManualTimer();
  let manifest = await Manifest.create(file, HEAD, { timer });
  let model: Model = new Map();
  let durableBytes = statSync(file).size;
  const history = [{ model, bytes: durableBytes }];
  for (const act of actions) {
    const next = step(model, act);
    if (next === undefined) {
      continue;
    }
    model = next;
    perform(manifest, act);
    if (act.kind === 'load') {
      await manifest.release();
      manifest = await Manifest.load(file, { timer });
      assert.deepEqual(observe(manifest), model);
    }
    if (act.flush) {
      await manifest.flush();
    }
    manifest.started([]);
    const bytes = statSync(file).size;
    history.push({ model, bytes });
    durableBytes = act.flush || act.kind === 'load' ? bytes : durableBytes;
  }
  await manifest.release();
  return { file, history, durableBytes };
}

/** What the model knew when the file was this long. */
function modelAt({ history }: Written, bytes: number): Model | undefined {
  return history.findLast((moment) => moment.bytes <= bytes)?.model;
}

const file = join(directory, 'run.jsonl');
const cut = join(directory, 'cut.jsonl');

describe('a manifest after a crash', () => {
  it('is what the model was after the last whole line, wherever the file is cut, and goes on from there', async () => {
    const cases = fc.tuple(fc.array(action, { minLength: 5, maxLength: 25 }), fc.array(fc.nat(), { minLength: 3, maxLength: 3 }));
    await fc.assert(fc.asyncProperty(cases, async ([actions, cuts]) => {
      const run = await write(file, actions);
      const size = statSync(file).size;
      const bytes = readFileSync(file);
      for (const where of cuts) {
        const length = run.durableBytes + (where % (size - run.durableBytes + 1));
        writeFileSync(file, bytes);
        truncateSync(file, length);
        const manifest = await Manifest.load(file);
        assert.deepEqual(observe(manifest), modelAt(run, length));
        assert.equal(manifest.warnings.length, run.history.some((moment) => moment.bytes === length) ? 0 : 1);
        manifest.directory(path('afterwards'));
        await manifest.release();
        const again = await openView(file);
        assert.equal(again.find(path('afterwards'))?.state, 'directory');
        await again.release();
        rmSync(`${file}.torn-1`, { force: true });
      }
    }), { numRuns: 30 });
  });

  it('survives a cut at every single byte, and one within the first line is no run at all', async () => {
    const kinds = ['started', 'sealed', 'upload', 'part', 'done', 'directory'] as const;
    const run = await write(file, kinds.map((kind, index) => ({ kind, file: kind === 'directory' ? 1 : 0, number: index + 1, flush: false })));
    assert.equal(run.history.length, kinds.length + 1);
    const bytes = readFileSync(file);
    const headBytes = run.history[0]?.bytes ?? 0;
    for (let length = 0; length <= bytes.length; length += 1) {
      writeFileSync(cut, bytes.subarray(0, length));
      if (length < headBytes) {
        assert.equal((await failureOf(() => openView(cut))).code, length === 0 ? 'manifest-missing' : 'manifest-corrupt');
        continue;
      }
      const view = await openView(cut);
      assert.deepEqual(observe(view), modelAt(run, length));
      await view.release();
    }
  });
});
