import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MANIFEST_READ_BYTES, MAX_MANIFEST_LINE_BYTES } from '../../src/limits.js';
import { encodeLine, START, type Position } from '../../src/manifest/line.js';
import { Manifest } from '../../src/manifest/manifest.js';
import type { ManifestRecord } from '../../src/manifest/record.js';
import { openView, readManifest } from '../../src/manifest/view.js';
import { CLOSE, continued, failureOf, HEAD, linesOf, path, SESSION, statOf, STORED, temporaryDirectory, written } from './support.js';

const directory = temporaryDirectory();
let count = 0;

function fresh(): string {
  count += 1;
  return join(directory, `${count}.jsonl`);
}

/** Six lines: open, session, started, done, done, close. */
async function sample(): Promise<string> {
  const manifest = await Manifest.create(fresh(), HEAD);
  manifest.session(SESSION);
  const ids = manifest.started([path('a'), path('b/é')]);
  ids.forEach((id) => manifest.done(id, statOf(), STORED));
  await manifest.close(CLOSE);
  return manifest.file;
}

/** A manifest made of these records, whatever they are, properly chained. */
function forged(records: readonly object[]): string {
  let position: Position = START;
  const lines = records.map((record) => {
    const { text, chain } = encodeLine(record as ManifestRecord, position);
    position = { offset: 0, seq: position.seq + 1, chain };
    return `${text}\n`;
  });
  const file = fresh();
  writeFileSync(file, lines.join(''));
  return file;
}

async function recordsOf(file: string): Promise<ManifestRecord[]> {
  const records: ManifestRecord[] = [];
  for await (const record of readManifest(file)) {
    records.push(record);
  }
  return records;
}

/** Puts the bytes of a text in the place of others, without changing the length of the file. */
function overwrite(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

describe('reading a manifest', () => {
  it('gives back what was written, in order', async () => {
    const records = await recordsOf(await sample());
    assert.deepEqual(records.map(({ type }) => type), ['open', 'session', 'started', 'done', 'done', 'close']);
    assert.deepEqual(records[0], { ...records[0], ...HEAD });
  });

  it('passes over an unfinished end without touching the file', async () => {
    const file = await sample();
    appendFileSync(file, '{"seq":7,"type":"done","id":0');
    const before = readFileSync(file);
    assert.equal((await recordsOf(file)).length, 6);
    const view = await openView(file);
    assert.equal(view.count('done'), 2);
    await view.release();
    assert.deepEqual(readFileSync(file), before);
    assert.ok(!existsSync(`${file}.torn-1`));
  });

  it('says which file is missing, or why it cannot be opened', async () => {
    const missing = await failureOf(() => openView(join(directory, 'none.jsonl')));
    assert.deepEqual([missing.code, missing.exitCode], ['manifest-missing', 2]);
    assert.match(missing.message, /none\.jsonl/);
    const file = await sample();
    assert.equal((await failureOf(() => recordsOf(join(file, 'x')))).code, 'manifest-write-failed');
  });

  it('is no manifest when the first line never arrived', async () => {
    const file = fresh();
    const cases = { '': ['manifest-missing', 2], '{"seq":1,"type":"op': ['manifest-corrupt', 7], 'hello\nworld\n': ['manifest-corrupt', 7] };
    for (const [content, expected] of Object.entries(cases)) {
      writeFileSync(file, content);
      for (const work of [() => openView(file), () => Manifest.load(file)]) {
        const error = await failureOf(work);
        assert.deepEqual([error.code, error.exitCode], expected);
      }
      assert.equal(readFileSync(file, 'utf8'), content);
    }
  });

  it('joins lines across reads, and takes lines up to their bound', async () => {
    const names = Array.from({ length: 60 }, (_, index) => path(`${index}/${'x'.repeat(Math.floor(MAX_MANIFEST_LINE_BYTES / 64))}`));
    const file = await written(fresh(), (manifest) => {
      manifest.started(names);
      for (let id = 0; id < 60; id += 1) {
        manifest.done(id, statOf({ ino: BigInt(id) }), STORED);
      }
    });
    assert.ok(statSync(file).size > 8 * MANIFEST_READ_BYTES);
    const view = await openView(file);
    assert.equal(view.count('done'), 60);
    assert.deepEqual([0, 31, 59].map((id) => view.path(id)), [names[0], names[31], names[59]]);
    await view.release();
  });
});

describe('a torn end', () => {
  it('is moved aside, cut off, reported, and the manifest goes on behind it', async () => {
    const file = await sample();
    const good = readFileSync(file);
    const torn = Buffer.from('{"seq":7,"type":"directory","id":2,"path":"\u00e9');
    for (const number of [1, 2]) {
      appendFileSync(file, torn);
      const manifest = await Manifest.load(file);
      assert.equal(manifest.warnings.length, 1);
      assert.match(manifest.warnings[0] ?? '', new RegExp(`${torn.length} bytes.*torn-${number}`));
      await manifest.release();
      assert.deepEqual(readFileSync(`${file}.torn-${number}`), torn);
      assert.equal(statSync(`${file}.torn-${number}`).mode & 0o777, 0o600);
      assert.deepEqual(readFileSync(file), good);
    }
    await continued(file, (manifest) => {
      assert.deepEqual(manifest.warnings, []);
      manifest.directory(path('c'));
    });
    assert.equal((await recordsOf(file)).length, 7);
  });

  it('stays where it is when there is no room for it', async () => {
    const file = join(directory, 'y'.repeat(250));
    await written(file, (manifest) => manifest.directory(path('a')));
    appendFileSync(file, 'torn');
    const before = readFileSync(file);
    const error = await failureOf(() => Manifest.load(file));
    assert.equal(error.code, 'manifest-write-failed');
    assert.match(error.message, /unfinished line, which cannot be moved aside: ENAMETOOLONG/);
    assert.deepEqual(readFileSync(file), before);
  });

  it('may be a whole last line whose hash is wrong', async () => {
    const file = await sample();
    overwrite(file, (bytes) => bytes.write('X', bytes.lastIndexOf('complete')));
    await continued(file, (manifest) => {
      assert.match(manifest.warnings[0] ?? '', /unfinished/);
      assert.equal(manifest.lastClose, undefined);
    });
    assert.equal(linesOf(file).length, 5);
  });

  it('may be several lines of which nothing is intact', async () => {
    for (const rubbish of ['rubbish\nmore of it\n', Buffer.alloc(3 * MAX_MANIFEST_LINE_BYTES), `${'y'.repeat(MAX_MANIFEST_LINE_BYTES)}\nshort\n`, `${'y'.repeat(2 * MAX_MANIFEST_LINE_BYTES)}\nshort`]) {
      const file = await sample();
      appendFileSync(file, rubbish);
      await continued(file, (manifest) => assert.equal(manifest.count('done'), 2));
      assert.equal(linesOf(file).length, 6);
      assert.equal(statSync(`${file}.torn-1`).size, rubbish.length);
    }
  });
});

describe('damage with intact lines behind it', () => {
  it('is corruption, whichever bit of whichever line it is, or it is a torn end', async () => {
    const file = await sample();
    const bytes = readFileSync(file);
    const intact = await recordsOf(file);
    const lastLines = bytes.lastIndexOf('\n', bytes.lastIndexOf('\n', bytes.length - 2) - 1);
    const copy = fresh();
    let corrupt = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
      writeFileSync(copy, damaged);
      const read: unknown = await recordsOf(copy).catch((error: unknown) => error);
      if (Array.isArray(read)) {
        assert.ok(at >= lastLines, `bit ${at % 8} of byte ${at} was overlooked`);
        assert.deepEqual(read, intact.slice(0, read.length));
        assert.ok(read.length < intact.length);
      } else {
        assert.ok(read instanceof Error && 'code' in read && read.code === 'manifest-corrupt');
        corrupt += 1;
      }
    }
    assert.ok(corrupt > 800);
  });

  it('names the line and the way out, and changes nothing', async () => {
    const file = await sample();
    overwrite(file, (bytes) => bytes.write('X', bytes.indexOf('"paths"')));
    const before = readFileSync(file);
    const error = await failureOf(() => Manifest.load(file));
    assert.deepEqual([error.code, error.exitCode], ['manifest-corrupt', 7]);
    assert.match(error.message, /line 3/);
    assert.match(String(error.remedy), /sealift manifest repair/);
    assert.deepEqual(readFileSync(file), before);
    assert.ok(!existsSync(`${file}.lock`));
  });

  it('is a line too long for any record', async () => {
    const file = await sample();
    const lines = readFileSync(file, 'utf8').split('\n');
    lines.splice(2, 0, 'z'.repeat(MAX_MANIFEST_LINE_BYTES + MANIFEST_READ_BYTES));
    writeFileSync(file, lines.join('\n'));
    assert.match((await failureOf(() => openView(file))).message, /line 3/);
  });
});

describe('a chain that fits, over records that do not', () => {
  const open = { type: 'open', ...HEAD };
  const cases: Readonly<Record<string, readonly object[]>> = {
    'a version that is not ours': [{ ...open, version: 2 }],
    'a type that is not ours': [open, { type: 'opened' }],
    'a member that is not ours': [open, { type: 'directory', id: 0, path: 'a', secret: 'x' }],
    'no head': [{ type: 'session', ...SESSION }],
    'two heads': [open, open],
    'an id that was never introduced': [open, { type: 'directory', id: 0 }],
    'an id that is not due': [open, { type: 'directory', id: 1, path: 'a' }],
    'a path introduced twice': [open, { type: 'started', first: 0, paths: ['a', 'a'] }],
    'an upload of a file that is not sealed': [open, { type: 'started', first: 0, paths: ['a'] }, { type: 'upload', id: 0, uploadId: 'u' }],
    'an id restarted that was never introduced': [open, { type: 'restarted', ids: [0] }],
  };
  for (const [name, records] of Object.entries(cases)) {
    it(`is refused: ${name}`, async () => {
      const error = await failureOf(() => openView(forged(records)));
      assert.equal(error.code, 'manifest-corrupt');
      assert.match(error.message, new RegExp(`line ${records.length}\\b`));
    });
  }

  it('is refused: numbers that do not count', async () => {
    const file = fresh();
    const { text, chain } = encodeLine(open as ManifestRecord, START);
    const next = encodeLine({ type: 'directory', id: 0, path: path('a') }, { offset: 0, seq: 5, chain });
    writeFileSync(file, `${text}\n${next.text}\n`);
    assert.match((await failureOf(() => openView(file))).message, /line 2/);
  });

  it('takes parts and ranges of transfers that are over for what they are: nothing', async () => {
    const view = await openView(forged([
      open, { type: 'started', first: 0, paths: ['a'] }, { type: 'part', id: 0, number: 1, etag: 'e' }, { type: 'range', id: 0, number: 0 },
    ]));
    assert.equal(view.find(path('a'))?.state, 'started');
    await view.release();
  });
});
