import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CHILD } from './children.js';
import { temporaryDirectory } from './tree.js';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly args: { readonly path?: string };
}

/** What an action of child.ts opens in `directory`, and how often it syncs, as the runtime itself tells. */
function traced(action: string, path: string, directory: string): { opened: string[]; syncs: number } {
  execFileSync(process.execPath, ['--trace-event-categories', 'node.fs.async', CHILD, action, path], { cwd: directory });
  const { traceEvents } = JSON.parse(readFileSync(join(directory, 'node_trace.1.log'), 'utf8')) as { readonly traceEvents: readonly TraceEvent[] };
  const begun = traceEvents.filter(({ ph }) => ph === 'b');
  const opened = begun.filter(({ name }) => name === 'open').map(({ args }) => args.path ?? '').filter((name) => name.startsWith(directory));
  return { opened, syncs: begun.filter(({ name }) => name === 'fsync').length };
}

describe('directories that are made', () => {
  it('have every new name synced, and none that was there', () => {
    const directory = realpathSync(temporaryDirectory());
    const first = traced('make-directories', 'a/b/c', directory);
    assert.ok(statSync(join(directory, 'a/b/c')).isDirectory());
    assert.deepEqual(first, { opened: [join(directory, 'a/b'), join(directory, 'a'), directory], syncs: 3 });
    assert.deepEqual(traced('make-directories', 'a/b/c/d', directory), { opened: [join(directory, 'a/b/c')], syncs: 1 });
    assert.deepEqual(traced('make-directories', 'a/b', directory), { opened: [], syncs: 0 });
  });
});

describe('a key file that is made', () => {
  it('has its name synced after it', () => {
    const directory = realpathSync(temporaryDirectory());
    const key = join(directory, 'key.pem');
    assert.deepEqual(traced('make-key', key, directory), { opened: [key, directory], syncs: 2 });
  });
});
