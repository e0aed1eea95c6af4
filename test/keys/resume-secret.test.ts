import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openResumeSecret } from '../../src/keys/resume-secret.js';

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sealift-secret-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

describe('a resume secret', () => {
  it('is made when it is missing, for its owner alone, and is the same from then on', async (t) => {
    const file = join(scratch(t), 'secret');
    const first = await openResumeSecret(file);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(first.symmetricKeySize, 32);
    assert.ok(first.equals(await openResumeSecret(file)));
    assert.equal(readFileSync(file, 'utf8').trim(), first.export().toString('hex'));
  });

  it('is refused when others may read it, when it holds something else, and when it cannot be made', async (t) => {
    const directory = scratch(t);
    const shared = join(directory, 'shared');
    await openResumeSecret(shared);
    chmodSync(shared, 0o640);
    await assert.rejects(openResumeSecret(shared), { code: 'key-file-unsafe', exitCode: 5 });
    const other = join(directory, 'other');
    writeFileSync(other, 'secret', { mode: 0o600 });
    await assert.rejects(openResumeSecret(other), { code: 'key-file-invalid' });
    await assert.rejects(openResumeSecret(join(directory, 'no/folder')), { code: 'key-file-invalid' });
  });
});
