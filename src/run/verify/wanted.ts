import { statSync } from 'node:fs';
import type { SkipReason } from '../events.js';
import { isDirectoryMarker } from '../listing.js';
import { localPath } from '../local-path.js';
import type { PreparedReading } from '../pull/prepare-pull.js';
import type { PushedBefore } from '../pushed-before.js';
import type { EncodedPath } from '../types.js';
import type { Against } from './against.js';

interface Grounds {
  readonly prepared: Pick<PreparedReading, 'selection' | 'takesSize' | 'root'>;
  readonly pushed: PushedBefore;
  readonly against: Against | undefined;
}

/** Why an object of the listing is not looked at, if so. */
export function whyPassedOver(object: { readonly path: EncodedPath; readonly key: string; readonly sizeBytes: number }, grounds: Grounds): SkipReason | undefined {
  const { path, sizeBytes } = object;
  const { selection, takesSize } = grounds.prepared;
  if (!selection.takes(path)) {
    return 'excluded';
  }
  if (isDirectoryMarker(object)) {
    return 'empty-directory';
  }
  // One that has outgrown the sizes is still to be what was recorded within them, or what a file is that has not.
  return takesSize(sizeBytes) || wasOfSize(path, grounds) || isOfSizeHere(path, grounds) ? undefined : 'excluded';
}

/** Of what the manifest records. */
export function isWanted(path: EncodedPath, grounds: Grounds): boolean {
  return grounds.prepared.selection.takes(path) && wasOfSize(path, grounds);
}

function wasOfSize(path: EncodedPath, { prepared, pushed }: Grounds): boolean {
  const recorded = pushed.find(path);
  return recorded !== undefined && prepared.takesSize(recorded.sizeBytes);
}

/** Of the file that it is compared with. */
function isOfSizeHere(path: EncodedPath, { against, prepared: { root, takesSize } }: Grounds): boolean {
  if (against === undefined) {
    return false;
  }
  try {
    const stats = statSync(localPath(root.raw, path), { throwIfNoEntry: false });
    return stats?.isFile() === true && takesSize(stats.size);
  } catch {
    // What cannot be looked at, the walk names.
    return false;
  }
}
