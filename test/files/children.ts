import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

export const CHILD = new URL('child.js', import.meta.url).pathname;
const NOBODY = 65534;

export interface ChildResult {
  readonly result?: unknown;
  /** Of the error that it ended with. */
  readonly code?: string;
  readonly waits: number;
}

/** Runs an action of child.ts in a process without the privileges that make permissions void. */
export function asNobody(action: string, path: string): ChildResult {
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  return resultOf(spawnSync(process.execPath, [CHILD, action, path], { ...identity, cwd: '/', encoding: 'utf8' }));
}

/** Runs an action in a process that has run out of file descriptors. */
export function withoutDescriptors(action: string, path: string): ChildResult {
  const child = spawnSync('sh', ['-c', 'ulimit -n 48; exec "$0" "$@"', process.execPath, CHILD, action, path, '1000'], { encoding: 'utf8' });
  const result = resultOf(child);
  assert.ok(result.waits >= 3, `${result.waits} waits: the descriptors did not run out`);
  return result;
}

function resultOf(child: { readonly stdout: string; readonly stderr: string }): ChildResult {
  assert.notEqual(child.stdout, '', child.stderr);
  return JSON.parse(child.stdout) as ChildResult;
}
