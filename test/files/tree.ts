import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';

const made: string[] = [];
after(() => {
  for (const directory of made) {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** An empty directory that is gone when the tests of the file are over. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sealift-files-'));
  made.push(directory);
  return directory;
}

/** An empty file, open for reading and writing until the test is over. */
export function openFile(t: TestContext): { readonly fd: number; readonly name: string } {
  const name = join(temporaryDirectory(), 'file');
  const fd = openSync(name, 'w+');
  t.after(() => closeSync(fd));
  return { fd, name };
}

/** The name of something below `root`, whose name is given byte by byte as latin1 text. */
export function at(root: string, latin1: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(latin1, 'latin1')]);
}

/** Makes a tree: a name that ends with `/` is a directory, another one a file that contains its own name. */
export function makeTree(names: readonly string[], root = temporaryDirectory()): string {
  for (const name of names) {
    const end = name.lastIndexOf('/');
    mkdirSync(at(root, name.slice(0, Math.max(end, 0))), { recursive: true });
    if (!name.endsWith('/')) {
      writeFileSync(at(root, name), Buffer.from(name, 'latin1'));
    }
  }
  return root;
}
