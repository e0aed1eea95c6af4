import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { errnoOf, openManifest, writeError } from '../../src/manifest/files.js';

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
