import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { continued, path, sealing, statOf, STORED, temporaryDirectory, written } from './support.js';

describe('whose object may stand under a key', () => {
  it('is ours once it was done or given up unseen, until somebody else\'s was found there', async () => {
    const file = await written(join(temporaryDirectory(), 'run.jsonl'), async (manifest) => {
      manifest.started([path('done'), path('unseen'), path('unstable'), path('theirs')]);
      manifest.done(0, statOf(), STORED);
      for (const [id, code] of [[1, 'access-denied'], [2, 'unstable'], [3, 'access-denied']] as const) {
        await manifest.sealed(sealing(id));
        await manifest.abandoned(id, code, 'U');
      }
      manifest.failed(path('theirs'), { code: 'exists', message: 'theirs: an object stands there', retryable: false });
    });
    await continued(file, (manifest) => {
      assert.deepEqual([0, 1, 2, 3].map((id) => manifest.mayHoldOurs(id)), [true, true, false, false]);
    });
  });
});
