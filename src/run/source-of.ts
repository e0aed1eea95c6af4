import { setTimeout } from 'node:timers/promises';
import { withDescriptors } from '../files/errno.js';
import { openSource, type SourceHandle } from '../files/source.js';
import type { WorkerContext } from './context.js';
import { localPath } from './local-path.js';
import type { EncodedPath, FileStat } from './types.js';

/** Opens a file of the source tree, waiting for a free descriptor if need be. @throws as openSource does */
export function sourceOf(context: WorkerContext, path: EncodedPath, expected?: FileStat): Promise<SourceHandle> {
  const followSymlinks = context.push?.followSymlinks ?? false;
  const file = localPath(context.root, path);
  return patiently(() => openSource(file, { followSymlinks, ...(expected === undefined ? {} : { expected }) }));
}

/** Runs an action again as long as only file descriptors are wanting. */
export function patiently<T>(action: () => T): Promise<T> {
  return withDescriptors(action, setTimeout);
}
