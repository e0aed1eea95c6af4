/**
 * Runs the compiled tests. The list is made from the sources, so that a test that was deleted does not live on in
 * dist/; arguments narrow it to paths that contain one of them.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = new URL('../../', import.meta.url).pathname;
const wanted = process.argv.slice(2);

const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()
  .map((name) => join(root, 'dist/test', name.replace(/\.ts$/, '.js')));

if (files.length === 0) {
  process.stderr.write('no test file matches\n');
  process.exit(2);
}
// Left alone, node runs one file at a time on two cores; most tests wait for sockets and child processes half of the time.
const options = ['--enable-source-maps', '--test', `--test-concurrency=${availableParallelism()}`];
const { status } = spawnSync(process.execPath, [...options, ...files], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
