import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { PARTS_PER_THREAD } from '../../src/limits.js';
import { Budget } from '../../src/run/budget.js';
import { Dispatcher, type Crew } from '../../src/run/dispatcher.js';
import { resolveBounds } from '../../src/run/effective.js';
import type { Outcome, PushItem } from '../../src/run/jobs.js';
import { afterAttempt } from '../../src/run/plan.js';
import { Tally } from '../../src/run/tally.js';
import { Arena } from '../../src/run/threads/arena.js';
import { ThreadPool } from '../../src/run/threads/thread-pool.js';
import type { EncodedPath, ObjectKey } from '../../src/run/types.js';

const WORKER = new URL('../support/dying-worker.js', import.meta.url);
const STAT = { sizeBytes: 1, mtimeNs: 0n, ctimeNs: 0n, ino: 1n, dev: 1n, mode: 0o600 };

interface Bench {
  readonly crew: Crew;
  readonly outcomes: Map<string, Outcome>;
  readonly begun: string[];
  readonly dispatcher: Dispatcher<Omit<PushItem, 'id'>, PushItem>;
  /** Of the items as they were at last. */
  readonly replaced: Map<string, PushItem['replace']>;
  readonly ended: () => Promise<unknown>;
}

function setUp(t: TestContext, onBegin: (keys: readonly string[]) => void = () => undefined, bytes = 1): Bench {
  const bounds = resolveBounds({ threads: 2, concurrency: 4 });
  const threads = new ThreadPool({ threads: 2, concurrency: 4, worker: WORKER });
  t.after(async () => await threads.destroy());
  const pool = threads.open({ channel: 'test' });
  const work: Promise<void>[] = [];
  const crew: Crew = { pool, memory: new Arena(bounds.arenaBytes), slots: new Budget(64), tally: new Tally(undefined), bounds, follow: (promise) => void work.push(promise) };
  const outcomes = new Map<string, Outcome>();
  const replaced = new Map<string, PushItem['replace']>();
  const begun: string[] = [];
  let nextId = 0;
  const dispatcher = new Dispatcher<Omit<PushItem, 'id'>, PushItem>(crew, {
    bytesOf: () => bytes,
    begin: (drafts) => {
      onBegin(drafts.map(({ key }) => key));
      begun.push(...drafts.map(({ key }) => key));
      return drafts.map((draft) => ({ ...draft, id: nextId++ }));
    },
    job: (files, regions) => ({ kind: 'push', files, regions }),
    again: (item) => ({ ...item, replace: afterAttempt(item.replace) }),
    settle: (item, outcome) => {
      outcomes.set(item.key, outcome);
      replaced.set(item.key, item.replace);
    },
  });
  return { crew, outcomes, replaced, begun, dispatcher, ended: async () => await Promise.all(work) };
}

function draft(key: string): Omit<PushItem, 'id'> {
  return { path: key as EncodedPath, key: key as ObjectKey, stat: STAT, replace: 'no' };
}

describe('the dispatcher', () => {
  it('gives every job of a thread that dies one more chance, in a fresh thread', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'sealift-test-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const { dispatcher, outcomes, ended } = setUp(t);
    const keys = Array.from({ length: 60 }, (_, i) => (i % 20 === 7 ? `dies-once:${directory}/${i}` : `fine-${i}`));
    for (const key of keys) {
      await dispatcher.add(draft(key));
    }
    await dispatcher.flush();
    await ended();
    assert.equal(outcomes.size, keys.length);
    const states = [...outcomes.values()].map(({ state }) => state);
    // A job that shares its thread with two deaths in a row is given up; nearly all of them make it.
    assert.ok(states.filter((state) => state === 'done').length >= keys.length - 20, JSON.stringify(states));
  });

  it('tells a fresh thread, and whoever settles, that the dead one may have done the work', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'sealift-test-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const { dispatcher, outcomes, replaced, ended } = setUp(t);
    const dying = `dies-once:${directory}/mark`;
    await dispatcher.add(draft(dying));
    await dispatcher.flush();
    await ended();
    const outcome = outcomes.get(dying);
    assert.ok(outcome?.state === 'done');
    assert.equal(outcome.stored.etag, 'if-ours');
    assert.equal(replaced.get(dying), 'if-ours');
  });

  it('fails a job that kills its thread twice, by name, and returns its bytes', async (t) => {
    const { crew, dispatcher, outcomes, ended } = setUp(t);
    await dispatcher.add(draft('dies-always'));
    await dispatcher.flush();
    await ended();
    const outcome = outcomes.get('dies-always');
    assert.ok(outcome?.state === 'failed');
    assert.equal(outcome.failure.code, 'worker-died');
    assert.deepEqual([crew.memory.used, crew.slots.used], [0, 0]);
  });

  it('begins files that are as heavy as parts no faster than parts, whatever the memory holds', async (t) => {
    const most: number[] = [];
    const bytes = resolveBounds().partBytes;
    const { crew, dispatcher, outcomes, ended } = setUp(t, () => {
      most.push(outcomes.size === 0 ? crew.memory.used / bytes : 0);
    }, bytes);
    for (let index = 0; index < 12; index += 1) {
      await dispatcher.add(draft(`fine-${index}`));
    }
    await ended();
    assert.equal(outcomes.size, 12);
    assert.equal(Math.max(...most), PARTS_PER_THREAD * crew.bounds.threads, 'before the first was done');
    assert.equal(crew.memory.used, 0);
  });

  it('parks a batch that cannot be begun, and what is left when intake has stopped', async (t) => {
    const { crew, dispatcher, ended } = setUp(t, () => {
      throw new Error('the manifest is full');
    });
    crew.tally.scanned(1);
    await dispatcher.add(draft('a'));
    await assert.rejects(ended(), /the manifest is full/);
    assert.equal(crew.tally.counters.scanned, 0, 'left to the next session');
    crew.memory.close();
    crew.tally.scanned(1);
    await assert.rejects(dispatcher.add(draft('b')).then(async () => await dispatcher.flush()), { code: 'interrupted' });
    assert.equal(crew.tally.counters.scanned, 0);
    crew.tally.close();
  });
});
