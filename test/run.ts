/**
 * Runs the compiled tests. Arguments narrow them to files whose paths contain one of them; each then has a process of its
 * own, and the stacks of failures name the sources.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { compiled, ROOT, roomsOf, testFiles } from './rooms.js';

const wanted = process.argv.slice(2);
const narrowed = testFiles().filter((name) => wanted.some((part) => name.includes(part)));

if (wanted.length > 0 && narrowed.length === 0) {
  process.stderr.write('no test file matches\n');
  process.exit(2);
}
// Left alone, node runs one file at a time on two cores; most tests wait for sockets and child processes half of the time.
// `spec` repeats the failures at the end, where a log that was cut off still shows them.
const options = ['--test', '--test-reporter=spec', `--test-concurrency=${availableParallelism()}`];
const args = wanted.length > 0 ? ['--enable-source-maps', ...options, ...narrowed.map(compiled)] : [...options, ...roomsOf(testFiles())];
const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
process.exit(status ?? 1);
