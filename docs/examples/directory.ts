/** Moves a directory into a bucket and back, and proves that everything arrived: `push`, `verify`, `pull`. */
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRsaKey, pull, push, verify, type RunEvent } from 'sealift';
import { bucketName, credentials, endpoint, keyFile, region } from './environment.js';

const work = await mkdtemp(join(tmpdir(), 'sealift-example-'));
const source = join(work, 'photos');
await mkdir(join(source, '2024'), { recursive: true });
await writeFile(join(source, '2024', 'list.txt'), 'sea, sky, sand\n');

const common = {
  target: { bucket: bucketName, prefix: 'examples/photos', region, endpoint },
  credentials,
  keys: [await loadRsaKey(keyFile)],
  manifestDirectories: [join(work, 'manifests')],
  // Ctrl-C lets requests in flight finish; the same push continues where it stopped.
  signal: interruption(),
  onEvent: (event: RunEvent) => {
    if (event.event === 'file' && event.state === 'failed') {
      console.error(`${event.path}: ${event.message ?? ''}`);
    }
  },
};

const pushed = await push({ ...common, source });
console.log(`pushed ${pushed.done} of ${pushed.scanned} files`);

const proof = await verify({ ...common, against: source });
console.log(`verified ${proof.done}, exit code ${proof.exitCode}`);

const destination = join(work, 'restored');
const pulled = await pull({ ...common, destination });
console.log(`pulled ${pulled.done}: ${await readFile(join(destination, '2024', 'list.txt'), 'utf8')}`);

function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}
