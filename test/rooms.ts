/** The compiled tests, room by room: the tests of one directory share a process, whose start costs more than most files. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const ROOT = new URL('../../', import.meta.url).pathname;

/** Begun first, the longest before all, so that none of them is left alone at the end. */
const LONGEST = ['run', 'cli', 'commands', 'bucket'];

/** Made from the sources, so that a test that was deleted does not live on in dist/. */
export function testFiles(): string[] {
  return readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts')).sort();
}

/** Where `tsc` puts a test. */
export function compiled(name: string): string {
  return join(ROOT, 'dist/test', name.replace(/\.ts$/, '.js'));
}

/** Writes one file per room that imports its tests. @returns their paths, in the order in which node begins them */
export function roomsOf(names: readonly string[]): string[] {
  const directory = join(ROOT, 'dist/test/rooms');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const present = new Set(names.map((name) => dirname(name)));
  const rooms = [...LONGEST.filter((room) => present.delete(room)), ...present];
  return rooms.map((room, index) => {
    const entry = join(directory, `${String.fromCharCode(97 + index)}-${room === '.' ? 'house' : room}.js`);
    const imports = names.filter((name) => dirname(name) === room).map((name) => `import '${compiled(name)}';\n`);
    writeFileSync(entry, imports.join(''));
    return entry;
  });
}
