/**
 * Branch coverage of the rooms where an untested branch could cost somebody a file: every one must be taken by the
 * tests of its own room.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOMS = ['crypto', 'envelope', 'manifest'];
const root = new URL('../../', import.meta.url).pathname;

const files = ROOMS.flatMap((room) =>
  readdirSync(join(root, 'test', room))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(root, 'dist/test', room, name.replace(/\.ts$/, '.js'))));

const { status } = spawnSync(process.execPath, [
  join(root, 'node_modules/c8/bin/c8.js'),
  ...ROOMS.flatMap((room) => ['--include', `dist/src/${room}/**`]),
  '--reporter', 'text', '--reports-dir', 'coverage',
  '--check-coverage', '--branches', '100', '--lines', '0', '--functions', '0', '--statements', '0',
  process.execPath, '--enable-source-maps', '--test', ...files,
], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
