/**
 * A program for tests of what this process cannot show: as root every directory is readable, and only a process of its own
 * can have few file descriptors. Walks argv[2] and prints each entry as a word, then how often it waited.
 * argv[3], if given, is how many descriptors to hold until the walk waits for one.
 */
import { closeSync, openSync } from 'node:fs';
import { isSealiftError } from '../../src/errors.js';
import { walkAll, words } from './walking.js';

const [root = '', hoard = '0'] = process.argv.slice(2);
const held: number[] = [];
let waits = 0;

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

holdAll();
try {
  const result = words(await walkAll(root, { wait: giveOne }));
  process.stdout.write(JSON.stringify({ words: result, waits }));
} catch (error) {
  process.stdout.write(JSON.stringify({ code: isSealiftError(error) ? error.code : String(error), waits }));
}
