import assert from 'node:assert/strict';
import type { World } from './world.js';

/** A push that is stopped when the first part of a large file arrives: its upload is left unfinished. */
export async function interruptUpload(world: World): Promise<void> {
  const stop = new AbortController();
  world.faults = ({ operation }) => {
    if (operation === 'UploadPart') {
      stop.abort();
    }
    return undefined;
  };
  await world.push({ signal: stop.signal });
  world.faults = () => undefined;
  assert.equal((await world.store.listUploads('')).length, 1);
}
