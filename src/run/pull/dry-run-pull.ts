import { existsSync } from 'node:fs';
import { toFailure } from '../../errors.js';
import { guardPath } from '../../files/names.js';
import { TargetTree } from '../../files/target-tree.js';
import type { ManifestView } from '../../manifest/view.js';
import { viewManifest } from '../open-manifest.js';
import type { PullOptions, RunResult } from '../options.js';
import type { PushedBefore } from '../pushed-before.js';
import { resultOf } from '../run-result.js';
import type { Tally } from '../tally.js';
import { openStore } from '../threads/ports.js';
import type { EncodedPath } from '../types.js';
import type { PreparedPull } from './prepare-pull.js';
import { PullChoices } from './pull-choices.js';
import type { FoundObject } from './unlisted.js';

/** The plan of a pull, object by object, and its effective numbers: the bucket is listed, nothing is fetched or written. */
export async function dryRunPull(options: PullOptions, prepared: PreparedPull, pushed: PushedBefore, tally: Tally): Promise<RunResult> {
  const manifest = await viewManifest(prepared.identity, options);
  try {
    tally.emit({ event: 'start', run: 'dry-run', effective: prepared.effective });
    const isPlanned = await planAll({ signal: options.signal ?? new AbortController().signal, manifest, pushed, prepared }, tally);
    tally.scanEnded();
    tally.close();
    return resultOf(tally, { run: 'dry-run', complete: isPlanned && tally.counters.failed === 0 });
  } finally {
    await manifest?.release();
  }
}

interface Planning {
  readonly signal: AbortSignal;
  readonly manifest: ManifestView | undefined;
  readonly pushed: PushedBefore;
  readonly prepared: PreparedPull;
}

/** Whether there is a plan: names that collide may forbid the whole pull. */
async function planAll({ signal, manifest, pushed, prepared }: Planning, tally: Tally): Promise<boolean> {
  const tree = existsSync(prepared.root.raw) ? TargetTree.open(prepared.root.raw) : NOTHING_THERE;
  const { store } = openStore(prepared.context, { credentials: prepared.provider }, (message) => tally.notice('warning', message));
  try {
    const choices = new PullChoices({ store, signal, manifest, pushed, look: (path) => tree.look(path) }, prepared);
    const refusal = await choices.refusal();
    if (refusal !== undefined) {
      tally.stoppedBy(refusal);
      return false;
    }
    for await (const object of choices.objects()) {
      planObject(object, choices, tally);
    }
    planMissing(choices, tally);
    planEmptyDirectories({ pushed, prepared }, tree, tally);
    return true;
  } finally {
    tree.close();
    await store.close();
  }
}

function planObject(object: FoundObject, choices: PullChoices, tally: Tally): void {
  const { path, key, sizeBytes } = object;
  tally.scanned(sizeBytes);
  const choice = choices.choose(object);
  switch (choice.action) {
    case 'pull':
      tally.planned({ path: choice.path, key, bytes: sizeBytes });
      return;
    case 'skip':
      tally.skipped(choice.file, choice.reason);
      return;
    case 'refuse':
      tally.failed({ path, key }, choice.failure);
  }
}

function planMissing(choices: PullChoices, tally: Tally): void {
  for (const { failure, ...object } of choices.missing()) {
    tally.scanned(0);
    tally.failed(object, failure);
  }
  const notice = choices.missingPerhaps;
  if (notice !== undefined) {
    tally.notice('warning', notice);
  }
}

function planEmptyDirectories({ pushed, prepared }: Pick<Planning, 'pushed' | 'prepared'>, tree: Destination, tally: Tally): void {
  for (const path of pushed.emptyDirectories()) {
    if (!prepared.selection.takes(path)) {
      continue;
    }
    tally.scanned(0);
    const failure = refusalOf(() => tree.hasDirectory(path));
    if (failure === undefined) {
      tally.skipped({ path, key: '' }, 'empty-directory');
    } else {
      tally.failed({ path, key: '' }, failure);
    }
  }
}

function refusalOf(action: () => unknown): ReturnType<typeof toFailure> | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return toFailure(error);
  }
}

type Destination = Pick<TargetTree, 'look' | 'hasDirectory' | 'close'>;

/** A destination that is yet to be made refuses the same names. */
const NOTHING_THERE: Destination = {
  look: (path: EncodedPath) => {
    guardPath(path, process.platform);
    return undefined;
  },
  hasDirectory: (path: EncodedPath) => {
    guardPath(path, process.platform);
    return false;
  },
  close: () => undefined,
};
