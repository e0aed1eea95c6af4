import { existsSync } from 'node:fs';
import { pathOfKey } from '../files/names.js';
import { TargetTree } from '../files/target-tree.js';
import type { PullOptions, RunResult } from './options.js';
import { listObjects } from './listing.js';
import { openStore } from './ports.js';
import type { PreparedPull } from './prepare-pull.js';
import { planPull } from './pull-plan.js';
import type { PushedBefore } from './pushed-before.js';
import { resultOf } from './run-result.js';
import type { Tally } from './tally.js';
import { toFailure, SealiftError } from '../errors.js';
import type { ListedObject } from '../store/store.js';

/** The plan of a pull, object by object, and its effective numbers: the bucket is listed, nothing is fetched or written. */
export async function dryRunPull(options: PullOptions, prepared: PreparedPull, pushed: PushedBefore, tally: Tally): Promise<RunResult> {
  tally.emit({ event: 'start', run: 'dry-run', effective: prepared.effective });
  const { store } = openStore(prepared.context, { credentials: prepared.provider }, (message) => tally.notice('warning', message));
  const tree = existsSync(prepared.root.raw) ? TargetTree.open(prepared.root.raw) : undefined;
  const signal = options.signal ?? new AbortController().signal;
  try {
    for await (const object of listObjects(store, prepared.prefix, signal)) {
      planObject(object, { prepared, pushed, tree }, tally);
    }
  } finally {
    await store.close();
    tree?.close();
  }
  tally.scanEnded();
  tally.close();
  return resultOf(tally, { run: 'dry-run', complete: tally.counters.failed === 0 });
}

interface Planning {
  readonly prepared: PreparedPull;
  readonly pushed: PushedBefore;
  /** Undefined while there is no destination yet. */
  readonly tree: TargetTree | undefined;
}

function planObject(object: ListedObject, { prepared, pushed, tree }: Planning, tally: Tally): void {
  const path = pathOfKey(prepared.prefix, object.key);
  if (path === null) {
    return;
  }
  const facts = { path, key: object.key, bytes: object.sizeBytes };
  tally.scanned(object.sizeBytes);
  if (!prepared.selection.takes(path)) {
    tally.skipped(facts, 'excluded');
    return;
  }
  const local = tree?.look(path)?.stat;
  const plan = planPull({ etag: object.etag, local, pulled: undefined, pushed: pushed.find(path) }, prepared);
  switch (plan.action) {
    case 'pull':
      tally.planned(facts);
      return;
    case 'skip':
      tally.skipped(facts, plan.reason);
      return;
    case 'refuse':
      tally.failed(facts, toFailure(new SealiftError('exists', `${path} exists already`, { object: path, remedy: 'pass --overwrite to replace it' })));
  }
}
