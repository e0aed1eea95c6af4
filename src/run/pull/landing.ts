import { parseAttributes } from '../../envelope/authentication.js';
import { isSealiftError, SealiftError } from '../../errors.js';
import type { AtomicFile, CommitOptions } from '../../files/atomic.js';
import { isSameTime } from '../../files/stat.js';
import type { ObjectHead } from '../../store/store.js';
import type { PullItem } from '../jobs.js';
import type { OpenedEnvelope } from '../opening.js';
import { patiently } from '../source-of.js';
import type { Ports } from '../threads/ports.js';
import type { EncodedPath, FileStat } from '../types.js';
import { inTheWay } from './in-the-way.js';

/** Writes verified plaintext to its file and gives it its name. Returns the stat of the file under that name. */
export async function landWhole(item: PullItem, landing: Landing, plaintext: Buffer, ports: Ports): Promise<FileStat> {
  refuseLocalFile(item, landing, ports);
  const file = await targetFor(item, landing.opened, ports);
  try {
    if (ports.context.pull?.preserveSparse === true) {
      file.writeSparse(plaintext);
    } else {
      file.writeAt(plaintext, 0);
    }
    return await commitTarget(item, landing, file, ports);
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** An object whose commitment was verified, and the answer it came with. */
export interface Landing {
  readonly opened: OpenedEnvelope;
  readonly head: ObjectHead;
}

/** A temporary file beside the place where the object will land. */
export async function targetFor(item: PullItem, opened: OpenedEnvelope, ports: Ports): Promise<AtomicFile> {
  return await patiently(() => ports.tree().createFile(pathFor(item, opened)));
}

/** The temporary file that an earlier process began; undefined when it is gone. */
export function reopenTarget(item: PullItem, opened: OpenedEnvelope, temporary: string, ports: Ports): AtomicFile | undefined {
  try {
    return ports.tree().reopenFile(pathFor(item, opened), temporary);
  } catch (error) {
    if (isSealiftError(error) && error.code === 'write-failed') {
      return undefined;
    }
    throw error;
  }
}

/**
 * The last step: attributes, content on disk, name. What stands there is looked at once more, since fetching may have taken
 * hours. A name that is free then must still be so when it is given.
 *
 * @throws SealiftError `exists` and whatever {@link AtomicFile.commit} rejects with.
 */
export async function commitTarget(item: PullItem, landing: Landing, file: AtomicFile, ports: Ports): Promise<FileStat> {
  const { opened } = landing;
  const path = pathFor(item, opened);
  const overwrite = item.overwrite === 'yes' || refuseLocalFile(item, landing, ports, file) === 'ours';
  await file.commit({ ...attributesOf(opened, ports), overwrite });
  const stat = ports.tree().look(path)?.stat;
  if (stat === undefined) {
    throw new SealiftError('write-failed', `${path} vanished right after it was written`, { object: path, remedy: 'find out what removes files there, then pull again' });
  }
  return stat;
}

/**
 * What an interrupted attempt has written carries the size and mtime of the object; a file that does not is somebody's
 * own and is not touched. So may an empty file that only reserved the name; whether it did, `file` can tell, the temporary
 * one. Looks only where an attempt may have left something.
 *
 * @throws SealiftError `exists`.
 */
export function refuseLocalFile(item: PullItem, { opened, head }: Landing, ports: Ports, file?: AtomicFile): 'ours' | undefined {
  if (item.overwrite !== 'if-ours') {
    return undefined;
  }
  const path = pathFor(item, opened);
  const found = ports.tree().look(path);
  if (found === undefined) {
    return undefined;
  }
  const { mtimeNs } = parseAttributes(opened.sealed?.authentication.attributes ?? '');
  const isReserved = file?.isReservation(found.stat) ?? found.stat.sizeBytes === 0;
  if (found.kind !== 'file' || !(isReserved || (found.stat.sizeBytes === head.sizeBytes && isSameTime(mtimeNs, found.stat.mtimeNs)))) {
    throw inTheWay(path, found.kind, 'and is not what an interrupted pull left there');
  }
  return 'ours';
}

function pathFor(item: PullItem, { sealed }: OpenedEnvelope): EncodedPath {
  return sealed === undefined ? (item.foreignPath ?? item.path) : item.path;
}

function attributesOf({ sealed }: OpenedEnvelope, { context }: Ports): Omit<CommitOptions, 'overwrite'> {
  const attributes = parseAttributes(sealed?.authentication.attributes ?? '');
  return { ...attributes, preserveSpecialBits: context.pull?.preserveSpecialBits ?? false };
}
