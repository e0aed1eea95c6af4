import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MiB } from '../../src/limits.js';
import { readLastSession } from '../../src/manifest/last-session.js';
import { chainOf } from '../../src/manifest/line.js';
import { Manifest } from '../../src/manifest/manifest.js';
import { openView } from '../../src/manifest/view.js';
import { HEAD, path, SESSION, temporaryDirectory } from './support.js';

const root = temporaryDirectory();
let count = 0;

/** A manifest of sessions with so many bytes of paths between them. */
async function manifestOf(gaps: readonly number[]): Promise<string> {
  count += 1;
  const file = join(root, `${count}.jsonl`);
  const manifest = await Manifest.create(file, HEAD);
  for (const [number, bytes] of gaps.entries()) {
    manifest.session({ ...SESSION, pid: number + 1, options: { source: `"type":"session" ${number}` } });
    manifest.started([path(`${number}"type":"session"${'x'.repeat(bytes)}`)]);
  }
  await manifest.release();
  return file;
}

async function replayed(file: string): Promise<unknown> {
  const view = await openView(file);
  await view.release();
  return view.lastSession;
}

describe('the last session', () => {
  it('is the one that a replay finds, wherever it stands', async () => {
    const gaps = fc.array(fc.oneof(fc.nat(300), fc.integer({ min: MiB - 400, max: MiB - 200 })), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(gaps, async (bytes) => {
        const file = await manifestOf(bytes);
        assert.deepEqual(await readLastSession(file), await replayed(file));
      }),
      { numRuns: 15 },
    );
  });

  it('is found at the very first byte of what is read at once, and around it', async () => {
    const short = readFileSync(await manifestOf([0]));
    const toEnd = short.length - short.lastIndexOf('"type":"session","time"');
    for (const shift of [-1, 0, 1]) {
      const file = await manifestOf([MiB - toEnd + shift]);
      assert.equal((await readLastSession(file))?.pid, 1, `${shift}`);
    }
  });

  it('is the one before, when the last one was torn or altered', async () => {
    const file = await manifestOf([10, 10]);
    const lines = readFileSync(file, 'utf8').split('\n');
    const second = lines.findLastIndex((line) => line.includes('"type":"session","time"'));
    const before = lines.slice(0, second).join('\n');
    const text = lines[second] ?? '';
    for (const end of [`\n${text}`, `\n${text.slice(0, -30)}`, `\n${text.slice(0, 50)}\n`, `\n${text.replace('alpha', 'gamma')}\n`]) {
      writeFileSync(file, `${before}${end}`);
      assert.equal((await readLastSession(file))?.pid, 1, end);
    }
  });

  it('is none of another shape, nor what looks like one inside a record', async () => {
    const file = await manifestOf([]);
    assert.equal(await readLastSession(file), undefined);
    const [, chain = ''] = /"chain":"([0-9a-f]{16})"\}\n$/.exec(readFileSync(file, 'utf8')) ?? [];
    const body = '{"seq":2,"type":"session"}';
    appendFileSync(file, `${body.slice(0, -1)},"chain":"${chainOf(chain, body)}"}\n`);
    assert.equal(await readLastSession(file), undefined);
    writeFileSync(file, '"type":"session"\n{"seq":1,"type":"session"}\nx "type":"session"\n');
    assert.equal(await readLastSession(file), undefined);
  });

  it('is missing when the file is', async () => {
    await assert.rejects(readLastSession(join(root, 'none.jsonl')), { code: 'manifest-missing' });
  });
});
