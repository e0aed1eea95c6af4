/**
 * Branch coverage of the rooms where an untested branch could cost somebody a file: every one must be taken by the
 * tests of its own room.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { ROOT, roomsOf, testFiles } from './rooms.js';

const ROOMS = ['crypto', 'envelope', 'manifest'];

const { status } = spawnSync(process.execPath, [
  join(ROOT, 'node_modules/c8/bin/c8.js'),
  ...ROOMS.flatMap((room) => ['--include', `dist/src/${room}/**`]),
  '--reporter', 'text', '--reports-dir', 'coverage',
  '--check-coverage', '--branches', '100', '--lines', '0', '--functions', '0', '--statements', '0',
  process.execPath, '--test', ...roomsOf(testFiles().filter((name) => ROOMS.includes(dirname(name)))),
], { cwd: ROOT, stdio: 'inherit' });
process.exit(status ?? 1);
