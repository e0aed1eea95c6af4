import { toFailure } from '../../errors.js';
import { keyBelow, objectKey } from '../../files/names.js';
import type { ManifestView } from '../../manifest/view.js';
import { viewManifest } from '../open-manifest.js';
import type { RunResult } from '../options.js';
import { planFile } from '../plan.js';
import { resultOf } from '../run-result.js';
import type { Tally } from '../tally.js';
import type { EncodedPath, WalkEntry } from '../types.js';
import { HardLinks } from './hard-links.js';
import { walkOf, type PreparedPush } from './prepare-push.js';

const NOT_LOOKED_AT =
  'planned from the files and the manifest alone: whether the bucket is there, which objects are in it already, and contents, only the push itself looks at';

/** The plan of a push, file by file, and its effective numbers: nothing is sent, nothing is written, and the bucket is not asked. */
export async function dryRunPush(prepared: PreparedPush, tally: Tally): Promise<RunResult> {
  tally.emit({ event: 'start', run: 'dry-run', effective: prepared.effective });
  const known = await viewManifest(prepared.identity, prepared.options);
  const hardLinks = new HardLinks();
  try {
    for await (const entry of walkOf(prepared, [], prepared.options.signal)) {
      tally.scanned(entry.kind === 'file' ? entry.sizeBytes : 0);
      if (entry.kind === 'file') {
        hardLinks.saw(entry);
      }
      planEntry(entry, { prepared, tally, known });
    }
    hardLinks.tell(tally);
  } finally {
    await known?.release();
  }
  tally.scanEnded();
  tally.notice('info', NOT_LOOKED_AT);
  tally.close();
  return resultOf(tally, { run: 'dry-run', complete: tally.counters.failed === 0 });
}

interface Planning {
  readonly prepared: PreparedPush;
  readonly tally: Tally;
  readonly known: ManifestView | undefined;
}

function planEntry(entry: WalkEntry, { prepared, tally, known }: Planning): void {
  const facts = { path: entry.path, key: keyBelow(prepared.prefix, entry.path) };
  if (entry.kind === 'empty-directory') {
    tally.skipped(facts, 'empty-directory');
    return;
  }
  if (entry.kind === 'skipped') {
    tally.skipped(facts, entry.reason);
    return;
  }
  const failure = entry.kind === 'failed' ? entry.failure : unusableKey(prepared.prefix, entry.path);
  if (entry.kind === 'failed' || failure !== undefined) {
    tally.failed(facts, failure ?? toFailure(undefined));
    return;
  }
  const remembered = known?.find(entry.path);
  const state = remembered && known && {
    isDone: remembered.state === 'done', attempted: remembered.attempted, unchanged: known.isUnchanged(remembered, entry),
  };
  const plan = planFile(entry, state, { singlePutBytes: prepared.bounds.singlePutBytes, checksum: prepared.options.checksum ?? false });
  if (plan.action === 'skip') {
    tally.skipped(facts, 'unchanged');
    return;
  }
  tally.planned({ ...facts, bytes: entry.sizeBytes });
}

function unusableKey(prefix: string, path: EncodedPath): ReturnType<typeof toFailure> | undefined {
  try {
    objectKey(prefix, path);
    return undefined;
  } catch (error) {
    return toFailure(error);
  }
}
