/**
 * A program that fills its manifest until the system refuses, run by a test under `ulimit -f`. Prints what happened.
 * argv[2] is the file, argv[3] the length of a text in the first record.
 */
import { spawnSync } from 'node:child_process';
import { isSealiftError } from '../../src/errors.js';
import { Manifest } from '../../src/manifest/manifest.js';
import { HEAD, path } from './support.js';

const [file = '', padding = '0'] = process.argv.slice(2);
let confirmed = 0;
const seen: unknown[] = [];

try {
  const manifest = await Manifest.create(file, { ...HEAD, options: { padding: 'x'.repeat(Number(padding)) } });
  try {
    for (;;) {
      manifest.started([path(`directory/file ${confirmed}`)]);
      confirmed += 1;
    }
  } catch (error) {
    seen.push(codeOf(error));
  }
  for (const again of [later, () => manifest.flush(), () => manifest.release()]) {
    await again().then(() => seen.push('fine'), (error: unknown) => seen.push(codeOf(error)));
  }

  async function later(): Promise<void> {
    manifest.directory(path('later'));
    await manifest.flush();
  }
} catch (error) {
  seen.push(codeOf(error));
}
// What this process writes at its end, such as its coverage, is not what is limited.
spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
process.stdout.write(JSON.stringify({ confirmed, seen }));

function codeOf(error: unknown): string {
  return isSealiftError(error) ? error.code : String(error);
}
