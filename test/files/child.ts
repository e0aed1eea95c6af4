/**
 * A program for tests of what this process cannot show: to root every file is readable, only a process of its own can have
 * few file descriptors or be traced, and only another process can be killed. `child.js ACTION PATH [HOARD]` does one thing and prints
 * JSON: the result, or the code of the error, and how often it waited. With HOARD it first holds up to so many descriptors,
 * and gives them back one at a time from its third wait on.
 */
import { closeSync, openSync } from 'node:fs';
import { isSealiftError } from '../../src/errors.js';
import { withDescriptors } from '../../src/files/errno.js';
import { openSource } from '../../src/files/source.js';
import { makeDirectories } from '../../src/files/sync.js';
import { TargetTree } from '../../src/files/target-tree.js';
import { writeNewFiles } from '../../src/keys/key-storage.js';
import type { EncodedPath } from '../../src/run/types.js';
import { walkAll, words } from './walking.js';

const [action = '', path = '', hoard = '0'] = process.argv.slice(2);
const held: number[] = [];
let waits = 0;

const actions: Readonly<Record<string, () => Promise<unknown>>> = {
  walk: async () => words(await walkAll(path, { wait: giveOne })),
  read: async () => {
    const source = await withDescriptors(() => openSource(Buffer.from(path), { followSymlinks: false }), giveOne);
    const content = Buffer.alloc(source.stat.sizeBytes);
    source.readAll(content);
    source.close();
    return content.toString();
  },
  write: async () => {
    const tree = TargetTree.open(Buffer.from(path));
    holdAll();
    const file = await withDescriptors(() => tree.createFile('a/b/c/d/file' as EncodedPath), giveOne);
    file.writeAt(Buffer.from('written'), 0);
    await file.commit({ overwrite: false });
    return 'written';
  },
  'make-directories': async () => await makeDirectories(path),
  'make-key': async () => await writeNewFiles([{ path, text: 'a key', mode: 0o600 }]),
  /** Leaves a temporary file behind: ends when it is killed. */
  linger: async () => {
    const file = TargetTree.open(Buffer.from(path)).createFile('lingering' as EncodedPath);
    process.stdout.write(`${file.temporaryName}\n`);
    await new Promise(() => process.stdin.resume());
  },
};

function holdAll(): void {
  try {
    while (held.length < Number(hoard)) {
      held.push(openSync('/dev/null', 'r'));
    }
  } catch {
    // Out of descriptors, which is the point.
  }
}

function giveOne(): Promise<void> {
  waits += 1;
  if (waits > 2) {
    held.splice(0, 1).forEach((descriptor) => closeSync(descriptor));
  }
  return Promise.resolve();
}

if (action !== 'write') {
  holdAll();
}
try {
  const result = await actions[action]?.();
  process.stdout.write(JSON.stringify({ result, waits }));
} catch (error) {
  process.stdout.write(JSON.stringify({ code: isSealiftError(error) ? error.code : String(error), waits }));
}
