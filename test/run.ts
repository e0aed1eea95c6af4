/**
 * Runs the compiled tests. The list is made from the sources, so that a test that was deleted does not live on in
 * dist/; arguments narrow it to paths that contain one of them.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
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
const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
