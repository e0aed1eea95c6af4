import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MAX_MANIFEST_LINE_BYTES } from '../../src/limits.js';
import { Journal, systemTimer } from '../../src/manifest/journal.js';
import { START } from '../../src/manifest/line.js';
import { Manifest } from '../../src/manifest/manifest.js';
import type { ManifestRecord } from '../../src/manifest/record.js';
import { failureOf, linesOf, ManualTimer, path, temporaryDirectory } from './support.js';

const directory = temporaryDirectory();

function record(id: number): ManifestRecord {
  return { type: 'directory', id, path: path(`empty/${id}`) };
}

async function journalOn(name: string, manual = new ManualTimer()): Promise<{ journal: Journal; file: string; manual: ManualTimer }> {
  const file = name.startsWith('/') ? name : join(directory, name);
  const journal = new Journal(await open(file, 'a'), { name: file, position: START, timer: manual.timer });
  return { journal, file, manual };
}

describe('the journal', () => {
  it('hands records to the kernel at the end of the turn, in one write, without being asked', async () => {
    const { journal, file } = await journalOn('turn');
    assert.equal(journal.append(record(0)), 0);
    const second = journal.append(record(1));
    assert.equal(readFileSync(file, 'utf8'), '');
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(linesOf(file).length, 2);
    assert.equal(readFileSync(file, 'utf8').indexOf('{"seq":2'), second);
    assert.equal(statSync(file).size, journal.sizeBytes);
    await journal.close();
  });

  it('hands them over at once when asked', async () => {
    const { journal, file } = await journalOn('write');
    journal.append(record(0));
    journal.write();
    journal.write();
    assert.equal(linesOf(file).length, 1);
    await journal.close();
  });

  it('goes to the disk after 200 ms, once for all records of that time', async () => {
    const { journal, manual } = await journalOn('group');
    journal.append(record(0));
    journal.append(record(1));
    assert.equal(manual.pending, 1);
    manual.advance(199);
    assert.equal(manual.pending, 1);
    manual.advance(1);
    assert.equal(manual.pending, 0);
    journal.append(record(2));
    assert.equal(manual.pending, 1);
    await journal.close();
    assert.equal(manual.pending, 0);
  });

  it('resolves every concurrent flush, with what came in between on the disk as well', async () => {
    const { journal, file } = await journalOn('flush');
    journal.append(record(0));
    const first = journal.flush();
    const same = journal.flush();
    journal.append(record(1));
    const second = journal.flush();
    journal.append(record(2));
    await Promise.all([first, same, second, journal.flush()]);
    assert.equal(linesOf(file).length, 3);
    await journal.flush();
    await journal.close();
  });

  it('refuses a line that no reader would take, and goes on', async () => {
    const { journal, file } = await journalOn('long');
    assert.throws(() => journal.append({ type: 'directory', id: 0, path: path('x'.repeat(MAX_MANIFEST_LINE_BYTES)) }), RangeError);
    journal.append(record(0));
    await journal.close();
    assert.equal(linesOf(file).length, 1);
  });

  it('keeps the first failure of a write and cuts nothing that is not its own', async () => {
    const { journal } = await journalOn('/dev/full');
    journal.append(record(0));
    assert.equal((await failureOf(() => journal.write())).code, 'disk-full');
    assert.equal((await failureOf(() => journal.append(record(1)))).code, 'disk-full');
    assert.equal((await failureOf(() => journal.flush())).code, 'disk-full');
    assert.equal((await failureOf(() => journal.close())).code, 'disk-full');
  });

  it('keeps a failure that happened unseen for the next caller', async () => {
    const { journal, manual } = await journalOn('/dev/full');
    journal.append(record(0));
    await new Promise(setImmediate);
    manual.advance(200);
    await new Promise(setImmediate);
    assert.equal((await failureOf(() => journal.append(record(1)))).code, 'disk-full');
    await assert.rejects(journal.close());
  });

  it('never repeats an fsync that failed', async () => {
    // A character device takes every byte and cannot bring one to a disk.
    const { journal } = await journalOn('/dev/null');
    journal.append(record(0));
    const first = failureOf(() => journal.flush());
    journal.append(record(1));
    const [one, two] = await Promise.all([first, failureOf(() => journal.flush())]);
    assert.equal(one.code, 'manifest-write-failed');
    assert.match(one.message, /\/dev\/null \(the manifest\) could not be brought to the disk: EINVAL/);
    assert.equal(two, one);
    assert.equal(await failureOf(() => journal.write()), one);
    assert.equal(await failureOf(() => journal.close()), one);
  });

  it('writes nothing after it was closed', async () => {
    const { journal } = await journalOn('closed');
    await journal.close();
    journal.append(record(0));
    assert.equal((await failureOf(() => journal.write())).code, 'manifest-write-failed');
  });

  it('has a timer of the system that does not keep the process alive and can be cancelled', async () => {
    const alive = setInterval(() => undefined, 60_000);
    const cancel = systemTimer(0, () => {
      assert.fail('cancelled');
    });
    cancel();
    await new Promise<void>((resolve) => systemTimer(1, resolve));
    clearInterval(alive);
    assert.deepEqual(process.getActiveResourcesInfo().filter((name) => name === 'Timeout'), []);
  });
});

describe('a full disk', () => {
  const program = fileURLToPath(new URL('full-disk.js', import.meta.url));

  function underLimit(kibibytes: number, file: string, padding: number): { confirmed: number; seen: string[] } {
    const command = `ulimit -S -f ${kibibytes}; exec "$0" "$@"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', command, process.execPath, program, file, String(padding)], { encoding: 'utf8' });
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as { confirmed: number; seen: string[] };
  }

  it('cuts the torn line off, says so for good, and leaves a manifest that goes on', async () => {
    const file = join(directory, 'limited.jsonl');
    const { confirmed, seen } = underLimit(64, file, 0);
    assert.deepEqual(seen, ['disk-full', 'disk-full', 'disk-full', 'disk-full']);
    assert.ok(confirmed > 100);
    const manifest = await Manifest.load(file);
    assert.deepEqual(manifest.warnings, []);
    assert.equal(manifest.size, confirmed);
    manifest.started([path('more')]);
    await manifest.release();
  });

  it('leaves nothing behind when not even the first record or the lock fits', () => {
    assert.deepEqual(underLimit(4, join(directory, 'head.jsonl'), 8192), { confirmed: 0, seen: ['disk-full'] });
    assert.deepEqual(underLimit(0, join(directory, 'lock.jsonl'), 0), { confirmed: 0, seen: ['disk-full'] });
    assert.deepEqual(readdirSync(directory).filter((name) => name.startsWith('head') || name.startsWith('lock')), ['lock.jsonl']);
    assert.equal(statSync(join(directory, 'lock.jsonl')).size, 0);
  });
});
