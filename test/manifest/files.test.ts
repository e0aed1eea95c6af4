import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { errnoOf, openEmpty, openManifest, writeError } from '../../src/manifest/files.js';
import { temporaryDirectory } from './support.js';

/** Removes the file whenever it is there, so that some rounds meet it between any two calls. */
const REMOVER = `
  const { rmSync } = require('node:fs');
  const { workerData: { file, stop } } = require('node:worker_threads');
  while (Atomics.load(stop, 0) === 0) {
    rmSync(file, { force: true });
  }
`;

describe('system errors', () => {
  it('are named by their errno', () => {
    assert.equal(errnoOf(Object.assign(new Error('no'), { code: 'EIO' })), 'EIO');
    assert.equal(errnoOf(new Error('no')), 'unknown error');
    assert.equal(errnoOf('no'), 'unknown error');
  });

  it('mean a full disk, a full quota, a file-size limit, or something else', () => {
    for (const [errno, code] of [['ENOSPC', 'disk-full'], ['EDQUOT', 'disk-full'], ['EFBIG', 'disk-full'], ['EIO', 'manifest-write-failed']] as const) {
      const error = writeError('/m.jsonl', 'could not be written', Object.assign(new Error('no'), { code: errno }));
      assert.deepEqual([error.code, error.exitCode, error.object, error.message], [code, 6, '/m.jsonl', `/m.jsonl could not be written: ${errno}`]);
    }
  });
});

describe('a directory', () => {
  it('is no manifest, to read or to write', async () => {
    for (const flags of ['r', 'r+']) {
      await assert.rejects(openManifest(tmpdir(), flags), { code: 'usage', exitCode: 2, object: tmpdir() });
    }
  });
});

describe('an empty file', () => {
  it('is made again while somebody removes it', async () => {
    const file = join(temporaryDirectory(), 'run.jsonl');
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const remover = new Worker(REMOVER, { eval: true, workerData: { file, stop } });
    const ended = new Promise((resolve) => remover.once('exit', resolve));
    for (let round = 0; round < 500; round += 1) {
      const handle = await openEmpty(file);
      assert.equal((await handle.stat()).size, 0);
      await handle.close();
    }
    Atomics.store(stop, 0, 1);
    await ended;
    await (await openEmpty(file)).close();
    assert.ok(existsSync(file));
  });
});
