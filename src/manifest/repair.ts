import { constants } from 'node:fs';
import { copyFile, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { isSealiftError } from '../errors.js';
import { syncDirectoryOf } from '../files/sync.js';
import { errnoOf, openManifest, writeError } from './files.js';
import { Journal } from './journal.js';
import { START } from './line.js';
import { lockManifest, type LockOptions } from './lock.js';
import { readRawLines } from './raw-lines.js';
import { emptyManifest } from './replay.js';
import { Salvage, type DroppedLine } from './salvage.js';
import { openView } from './view.js';
import type { EncodedPath } from '../run/types.js';

export interface RepairReport {
  readonly file: string;
  /** Where the damaged manifest was set aside; undefined when there was nothing to repair and nothing was changed. */
  readonly original: string | undefined;
  /** Files that the manifest still knows. */
  readonly files: number;
  readonly dropped: number;
  /** The first hundred of the dropped lines. */
  readonly described: readonly DroppedLine[];
  /** Large files that start again with a fresh key, and the multipart uploads that they leave on the server. */
  readonly givenUp: readonly { readonly path: EncodedPath; readonly uploadId?: string }[];
}

/**
 * Makes a damaged manifest usable again: intact lines are chained anew into a new file, which then takes the place of the
 * old one; that is kept as `FILE.corrupt`. A crash on the way leaves the old file as it was.
 *
 * @throws SealiftError `manifest-missing`, `locked`, `disk-full`, `manifest-write-failed`, or `manifest-corrupt` when not even
 *   the first line can be kept; nothing is changed then.
 */
export async function repairManifest(file: string, options: LockOptions = {}): Promise<RepairReport> {
  const seen = await openManifest(file, 'r');
  await seen.close();
  const lock = await lockManifest(file, options);
  try {
    const temporary = `${file}.new`;
    return await repairLocked(file, temporary).finally(() => rm(temporary, { force: true }));
  } finally {
    await lock.release();
  }
}

async function repairLocked(file: string, temporary: string): Promise<RepairReport> {
  try {
    const salvage = await rewrite(file, temporary);
    if (salvage.state.head === undefined) {
      throw emptyManifest(file);
    }
    const original = salvage.dropped === 0 ? undefined : await exchange(file, temporary);
    return { file, original, dropped: salvage.dropped, described: salvage.described, ...(await lookAgain(file, salvage)) };
  } catch (error) {
    throw isSealiftError(error) ? error : writeError(file, 'cannot be repaired', error);
  }
}

/** A `.new` file of an earlier attempt was never anybody's manifest. */
async function rewrite(file: string, temporary: string): Promise<Salvage> {
  await rm(temporary, { force: true });
  const source = await openManifest(file, 'r');
  const target = await open(temporary, 'ax', 0o600);
  const journal = new Journal(target, { name: temporary, position: START });
  return salvageInto(journal, source).finally(() => journal.close()).finally(() => source.close());
}

async function salvageInto(journal: Journal, source: FileHandle): Promise<Salvage> {
  const salvage = new Salvage();
  for await (const lines of readRawLines(source)) {
    for (const record of lines.flatMap((line) => salvage.take(line))) {
      journal.append(record);
    }
    journal.write();
  }
  return salvage;
}

/** The copy is complete on the disk before the new file takes the name. */
async function exchange(file: string, temporary: string): Promise<string> {
  const original = await copyAside(file, `${file}.corrupt`, 1);
  await rename(temporary, file);
  await syncDirectoryOf(file);
  return original;
}

async function copyAside(file: string, name: string, number: number): Promise<string> {
  const aside = number === 1 ? name : `${name}-${number}`;
  try {
    await copyFile(file, aside, constants.COPYFILE_EXCL);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      return copyAside(file, name, number + 1);
    }
    throw error;
  }
  const copy = await open(aside, 'r');
  await copy.sync().finally(() => copy.close());
  return aside;
}

/** Reads the result as any command would: a repair that left something unreadable must not say that it succeeded. */
async function lookAgain(file: string, { givenUp }: Salvage): Promise<Pick<RepairReport, 'givenUp' | 'files'>> {
  const view = await openView(file);
  try {
    const again = givenUp.filter(({ id }) => view.entry(id).state !== 'done');
    return { files: view.size, givenUp: again.map(({ id, ...upload }) => ({ path: view.path(id), ...upload })) };
  } finally {
    await view.release();
  }
}
