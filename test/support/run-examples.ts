/** Runs examples one after the other, each in a directory of its own below this one; a line with its name comes before what it prints. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

const root = process.cwd();
for (const name of process.argv.slice(2)) {
  mkdirSync(resolve(root, name));
  process.chdir(resolve(root, name));
  process.stdout.write(`example ${name}\n`);
  await import(`../../docs/examples/${name}.js`);
}
