/**
 * What does it cost to find a file? `node dist/bench/walk.js [--files 20000]`
 *
 * µs of CPU time and of wall time per file: the walk of a push, which gives the stat of every file in byte order, beside
 * fast-glob with and without stats and a bare recursive readdir.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fastGlob from 'fast-glob';
import { walk } from '../src/files/walk.js';
import { machine, mustHold, printRow, timed } from './machine.js';

const { values: options } = parseArgs({ options: { files: { type: 'string', default: '20000' } } });
const files = Number(options.files);
const FILES_PER_DIRECTORY = 200;
const root = mkdtempSync(join(tmpdir(), 'sealift-bench-'));

try {
  plant();
  console.log(`${machine()}\nµs per file of ${files}, ${FILES_PER_DIRECTORY} per directory, median of 5 rounds`);
  printRow('', ['CPU', 'wall']);
  await row('walk', async () => {
    let found = 0;
    for await (const entry of walk({ root, symlinks: 'record', ownPaths: [] })) {
      found += entry.kind === 'file' ? 1 : 0;
    }
    return found;
  });
  await row('fast-glob with stats', async () => (await fastGlob('**', { cwd: root, dot: true, stats: true })).length);
  await row('fast-glob', async () => (await fastGlob('**', { cwd: root, dot: true })).length);
  await row('readdir, recursive', () => readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length);
} finally {
  rmSync(root, { recursive: true, force: true });
}

function plant(): void {
  for (let index = 0; index < files; index += 1) {
    const directory = join(root, `directory-${Math.floor(index / FILES_PER_DIRECTORY)}`);
    if (index % FILES_PER_DIRECTORY === 0) {
      mkdirSync(directory);
    }
    writeFileSync(join(directory, `file-${index}`), '');
  }
}

async function row(name: string, find: () => number | Promise<number>): Promise<void> {
  const { seconds, cpuSeconds } = await timed(async () => {
    mustHold((await find()) === files, `${name} has missed files`);
  });
  printRow(name, [cpuSeconds, seconds].map((value) => (value / files) * 1e6), 1);
}
