import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { explainRepair, runRepair } from '../../src/commands/run-manifest.js';
import { lockManifest } from '../../src/manifest/lock.js';
import { encodeLine, START, type Position } from '../../src/manifest/line.js';
import { Manifest } from '../../src/manifest/manifest.js';
import type { ManifestRecord } from '../../src/manifest/record.js';
import { repairManifest } from '../../src/manifest/repair.js';
import { openView, type ManifestView } from '../../src/manifest/view.js';
import { CLOSE, continued, failureOf, HEAD, linesOf, path, sealing, SESSION, statOf, STORED, temporaryDirectory, written } from './support.js';

const directory = temporaryDirectory();
let count = 0;

function fresh(): string {
  count += 1;
  return join(directory, `${count}.jsonl`);
}

/** Changes one character in the middle of each of these lines, numbered from 1. */
function damage(file: string, ...numbers: readonly number[]): void {
  const lines = readFileSync(file, 'utf8').split('\n');
  for (const number of numbers) {
    const line = lines[number - 1] ?? assert.fail(`no line ${number}`);
    lines[number - 1] = `${line.slice(0, 9)}#${line.slice(10)}`;
  }
  writeFileSync(file, lines.join('\n'));
}

async function look<T>(file: string, at: (view: ManifestView) => T): Promise<T> {
  const view = await openView(file);
  try {
    return at(view);
  } finally {
    await view.release();
  }
}

function statesIn(view: ManifestView): Record<string, string> {
  return Object.fromEntries([...view.entries()].map(({ id, state }) => [view.path(id), state]));
}

/** 1 open, 2 session, 3 started a b c, 4–6 done, 7 directory, 8 close. */
async function sample(): Promise<string> {
  const file = fresh();
  const manifest = await Manifest.create(file, HEAD);
  manifest.session(SESSION);
  manifest.started([path('a'), path('b'), path('c')]);
  [0, 1, 2].forEach((id) => manifest.done(id, statOf({ sizeBytes: id }), STORED));
  manifest.directory(path('empty'));
  await manifest.close(CLOSE);
  return file;
}

describe('repair', () => {
  it('changes nothing in an intact manifest', async () => {
    const file = await sample();
    const before = readFileSync(file);
    const report = await repairManifest(file);
    assert.deepEqual(report, { file, original: undefined, files: 4, dropped: 0, described: [], givenUp: [] });
    assert.deepEqual(readFileSync(file), before);
    assert.deepEqual(readdirSync(directory).filter((name) => name.startsWith(`${basename(file)}.`)), []);
  });

  it('keeps every intact line, sets the original aside, and the run goes on', async () => {
    const file = await sample();
    damage(file, 5);
    const damaged = readFileSync(file);
    assert.equal((await failureOf(() => Manifest.load(file))).code, 'manifest-corrupt');
    const report = await repairManifest(file);
    assert.equal(report.original, `${file}.corrupt`);
    assert.deepEqual(report.described, [
      { line: 5, reason: 'damaged' },
      { line: 8, reason: 'it counts files whose records are lost', type: 'close' },
    ]);
    assert.deepEqual([report.files, report.dropped], [4, 2]);
    assert.deepEqual(readFileSync(`${file}.corrupt`), damaged);
    assert.deepEqual([file, `${file}.corrupt`].map((name) => statSync(name).mode & 0o777), [0o600, 0o600]);
    assert.deepEqual(linesOf(file).map(({ seq }) => seq), [1, 2, 3, 4, 5, 6]);
    await continued(file, (manifest) => {
      assert.deepEqual(manifest.warnings, []);
      assert.deepEqual(statesIn(manifest), { a: 'done', b: 'started', c: 'done', empty: 'directory' });
      assert.equal(manifest.lastClose, undefined, 'a run of which records are lost is not complete');
      assert.deepEqual(manifest.started([path('b'), path('new')]), [1, 4]);
    });
  });

  it('gives ids anew where the introduction of files is lost', async () => {
    const file = await sample();
    damage(file, 3);
    const report = await repairManifest(file);
    assert.deepEqual(report.described.map(({ line, reason }) => `${line} ${reason}`), [
      '3 damaged', '4 the introduction of its file is lost', '5 the introduction of its file is lost', '6 the introduction of its file is lost',
      '8 it counts files whose records are lost',
    ]);
    assert.deepEqual(await look(file, statesIn), { empty: 'directory' });
    assert.equal(linesOf(file).at(-1)?.['id'], 0);
  });

  it('follows files through restarts and later mentions under their new ids', async () => {
    const file = await written(fresh(), (manifest) => {
      manifest.started([path('lost')]);
      manifest.started([path('kept'), path('other')]);
      manifest.done(0, statOf(), STORED);
      manifest.done(1, statOf(), STORED);
      manifest.started([path('lost'), path('kept')]);
      manifest.done(0, statOf(), STORED);
      manifest.started([path('lost')]);
      manifest.failed(path('other'), { code: 'vanished', message: 'gone', retryable: false });
    });
    damage(file, 2);
    const report = await repairManifest(file);
    assert.deepEqual(report.described.map(({ line, type }) => [line, type]), [[2, undefined], [4, 'done'], [7, 'done'], [8, 'restarted']]);
    assert.deepEqual(await look(file, statesIn), { kept: 'started', other: 'failed' });
  });

  it('gives up what was under way where a line is lost, and nothing that began later', async () => {
    const file = await written(fresh(), async (manifest) => {
      manifest.started(['before', 'sealed', 'down', 'after', 'late', 'x'].map(path));
      await manifest.sealed(sealing(0));
      await manifest.upload(0, 'U0');
      await manifest.sealed(sealing(1));
      await manifest.fetching({ id: 2, temporary: '.t', etag: 'E', size: 64, rangeBytes: 16 });
      manifest.session(SESSION);
      manifest.part(0, { number: 1, etag: 'P' }, 1n);
      await manifest.upload(1, 'U1');
      manifest.range(2, 0);
      await manifest.sealed(sealing(3));
      await manifest.upload(3, 'U3');
      manifest.part(3, { number: 1, etag: 'P' }, 1n);
      await manifest.fetching({ id: 4, temporary: '.t', etag: 'E', size: 64, rangeBytes: 16 });
      manifest.range(4, 0);
    });
    damage(file, 7);
    const report = await repairManifest(file);
    assert.deepEqual(report.givenUp, [{ path: 'before', uploadId: 'U0' }, { path: 'sealed' }, { path: 'down' }]);
    assert.deepEqual(report.described.map(({ line, reason }) => `${line} ${reason}`), [
      '7 damaged', '8 the beginning of its transfer is lost', '9 the beginning of its transfer is lost', '10 the beginning of its transfer is lost',
    ]);
    await look(file, (view) => {
      assert.deepEqual([...view.pendingUploads.keys()], [3]);
      assert.deepEqual([...view.pendingFetches.keys()], [4]);
      assert.deepEqual([view.pendingUpload(3)?.uploadId, view.pendingUpload(3)?.parts.size, view.pendingFetch(4)?.ranges.size], ['U3', 1, 1]);
      assert.deepEqual(statesIn(view), { before: 'abandoned', sealed: 'abandoned', down: 'abandoned', after: 'sealed', late: 'fetching', x: 'started' });
    });
  });

  it('does not give up what is known to be done since', async () => {
    const file = await written(fresh(), async (manifest) => {
      manifest.started([path('film')]);
      await manifest.sealed(sealing(0));
      manifest.session(SESSION);
      manifest.directory(path('x'));
      manifest.done(0, statOf(), STORED);
    });
    damage(file, 4);
    assert.deepEqual((await repairManifest(file)).givenUp, []);
    assert.equal((await look(file, statesIn))['film'], 'done');
  });

  it('drops lines that it cannot vouch for: behind an unreadable one, of another version, of another manifest', async () => {
    const unreadable = await sample();
    const lines = readFileSync(unreadable, 'utf8').split('\n');
    writeFileSync(unreadable, [...lines.slice(0, 3), 'rubbish', ...lines.slice(4)].join('\n'));
    assert.deepEqual((await repairManifest(unreadable)).described.map(({ line }) => line), [4, 5, 8]);

    const joined = await sample();
    writeFileSync(joined, Buffer.concat([readFileSync(joined), readFileSync(await sample())]));
    const report = await repairManifest(joined);
    assert.deepEqual([report.dropped, report.files], [8, 4]);
    assert.equal(report.described[0]?.reason, 'damaged');
    assert.ok(report.described.slice(1).every(({ reason }) => reason === 'part of another manifest'));
    assert.equal((await look(joined, (view) => view.lastClose))?.complete, true);
  });

  it('drops intact lines that no writer of ours would have written', async () => {
    const open = { type: 'open', ...HEAD };
    const file = fresh();
    let position: Position = START;
    const text = [open, { type: 'opened' }, { type: 'started', first: 0, paths: ['a', 'a'] }, { type: 'directory', id: 0, path: 'b' }, { type: 'directory', id: 1, path: 'b' }].map((record) => {
      const line = encodeLine(record as ManifestRecord, position);
      position = { offset: 0, seq: position.seq + 1, chain: line.chain };
      return `${line.text}\n`;
    });
    writeFileSync(file, text.join(''));
    const { described } = await repairManifest(file);
    assert.deepEqual(described.map(({ line, reason }) => `${line} ${reason}`), ['2 no record that this version knows', '3 contradicts the lines before it', '5 contradicts the lines before it']);
  });

  it('sets every original aside under a name of its own', async () => {
    const file = await sample();
    for (const expected of ['.corrupt', '.corrupt-2', '.corrupt-3']) {
      damage(file, 4);
      writeFileSync(`${file}.new`, 'left by a crash');
      assert.equal((await repairManifest(file)).original, `${file}${expected}`);
      assert.ok(!existsSync(`${file}.new`));
    }
  });

  it('changes nothing when the head is lost, the file is missing or at work', async () => {
    const file = await sample();
    damage(file, 1);
    const before = readFileSync(file);
    assert.deepEqual((await failureOf(() => repairManifest(file))).code, 'manifest-corrupt');
    assert.deepEqual(readFileSync(file), before);
    assert.ok(!existsSync(`${file}.corrupt`) && !existsSync(`${file}.new`) && !existsSync(`${file}.lock`));
    assert.equal((await failureOf(() => repairManifest(join(directory, 'none.jsonl')))).code, 'manifest-missing');
    const lock = await lockManifest(file);
    assert.equal((await failureOf(() => repairManifest(file))).code, 'locked');
    await lock.release();
  });

  it('says why when the original cannot be set aside, and changes nothing', async () => {
    // 255 bytes are the longest name, so the copy of the original has no room beside this one.
    const file = join(directory, 'x'.repeat(250));
    await written(file, (manifest) => manifest.directory(path('a')));
    damage(file, 2);
    const before = readFileSync(file);
    const error = await failureOf(() => repairManifest(file));
    assert.deepEqual([error.code, error.exitCode], ['manifest-write-failed', 6]);
    assert.match(error.message, /cannot be repaired: ENAMETOOLONG/);
    assert.deepEqual(readFileSync(file), before);
  });

  it('never invents a fact and never brings a data key back to life, whatever is damaged', async () => {
    const step = fc.record({ kind: fc.constantFrom('start', 'seal', 'upload', 'part', 'done', 'abandon', 'fail'), file: fc.nat(3) });
    const cases = fc.record({ steps: fc.array(step, { minLength: 8, maxLength: 25 }), hits: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }) });
    await fc.assert(fc.asyncProperty(cases, async ({ steps, hits }) => {
      const file = await written(fresh(), async (manifest) => {
        for (const [index, { kind, file: number }] of steps.entries()) {
          await play(manifest, { kind, name: `f${number}`, index });
        }
      });
      const before = await look(file, facts);
      const everDone = await look(file, (view) => new Set(linesOf(file).filter(({ type }) => type === 'done').map(({ id, etag }) => `${view.path(Number(id))} ${String(etag)}`)));
      const lines = linesOf(file).length;
      const targets = new Set(hits.map((hit) => 2 + (hit % Math.max(1, lines - 1))).filter((number) => number <= lines));
      damage(file, ...targets);
      await repairManifest(file);
      const after = await look(file, facts);
      for (const [name, sealed] of after.pending) {
        assert.equal(before.pending.get(name), sealed, `${name} came back to life`);
      }
      for (const [name, etag] of after.done) {
        assert.ok(everDone.has(`${name} ${etag}`), `${name} was never done as ${etag}`);
      }
    }), { numRuns: 40 });
  });
});

async function play(manifest: Manifest, { kind, name, index }: { kind: string; name: string; index: number }): Promise<void> {
  const entry = manifest.find(path(name));
  const pending = entry !== undefined && manifest.pendingUpload(entry.id) !== undefined;
  if (kind === 'fail') {
    manifest.failed(path(name), { code: 'unreadable', message: `failure ${index}`, retryable: false });
  } else if (entry === undefined || kind === 'start') {
    manifest.started([path(name)]);
  } else if (kind === 'seal') {
    await manifest.sealed(sealing(entry.id, { attempt: index + 1 }));
  } else if (kind === 'done') {
    manifest.done(entry.id, statOf(), { ...STORED, etag: `E${index}` });
  } else if (pending && kind === 'upload') {
    await manifest.upload(entry.id, `U${index}`);
  } else if (pending && kind === 'part') {
    manifest.part(entry.id, { number: index + 1, etag: 'P' }, 1n);
  } else if (pending) {
    await manifest.abandoned(entry.id, 'unstable');
  }
}

function facts(view: ManifestView): { readonly pending: ReadonlyMap<string, string>; readonly done: ReadonlyMap<string, string> } {
  const pending = [...view.pendingUploads].map(([id, { sealed, uploadId }]): [string, string] => [view.path(id), `${sealed.attempt} ${uploadId ?? 'none'}`]);
  const done = [...view.entries()].filter(({ state }) => state === 'done').map((entry): [string, string] => {
    const record = view.read(entry);
    return [view.path(entry.id), record.type === 'done' ? record.etag : assert.fail()];
  });
  return { pending: new Map(pending), done: new Map(done) };
}

describe('sealift manifest repair', () => {
  function context(): { cwd: string; out: string[]; err: string[]; stdout: { write: (text: string) => void }; stderr: { write: (text: string) => void }; now: () => number } {
    const out: string[] = [];
    const err: string[] = [];
    return { cwd: directory, out, err, stdout: { write: (text) => void out.push(text) }, stderr: { write: (text) => void err.push(text) }, now: () => 0 };
  }

  it('says what was kept, dropped and given up, and what to do next', async () => {
    const file = await written(fresh(), async (manifest) => {
      manifest.started([path('big \u001b[31m'), path('small')]);
      await manifest.sealed(sealing(0));
      await manifest.upload(0, 'U0');
      await manifest.sealed(sealing(1));
      manifest.done(1, statOf(), STORED);
      manifest.session(SESSION);
    });
    damage(file, 6);
    const people = context();
    await runRepair(people, { file: basename(file), 'break-lock': false, json: false });
    const text = people.out.join('');
    assert.match(text, /Files known: 2; lines dropped: 1\./);
    assert.match(text, /line 6: damaged/);
    assert.match(text, /big .*: its multipart upload U0 stays behind/);
    assert.match(text, /^ {2}small$/m);
    assert.match(text, new RegExp(`sealift resume ${file}`));
    assert.ok(!text.includes('\u001b'));
    await runRepair(people, { file, 'break-lock': false, json: false });
    assert.match(people.out.at(-1) ?? '', /intact; nothing was changed/);
  });

  it('speaks JSON to programs', async () => {
    const file = await sample();
    const program = context();
    await runRepair(program, { file, 'break-lock': false, json: true });
    damage(file, 4);
    await runRepair(program, { file, 'break-lock': true, json: true });
    const [intact, repaired] = program.out.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual([intact?.['event'], intact?.['dropped'], intact?.['original']], ['repair', 0, undefined]);
    assert.deepEqual([repaired?.['dropped'], repaired?.['original']], [2, `${file}.corrupt`]);
    assert.ok(program.err.length === 2);
  });

  it('counts what it does not list', () => {
    const described = Array.from({ length: 100 }, (_, index) => ({ line: index + 2, reason: 'damaged' }));
    const lines = explainRepair({ file: 'f', original: 'f.corrupt', files: 1, dropped: 1234, described, givenUp: [] });
    assert.equal(lines.length, 2 + 20 + 1 + 1);
    assert.match(lines.at(-2) ?? '', /1214 more/);
  });
});
