/** Puts what is there under a new master key, in place, and proves that it opens with that one alone: `rewrap`. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRsaKey, loadRsaKey, push, rewrap, verify } from 'sealift';
import { bucketName, credentials, endpoint, keyFile, region } from './environment.js';

const work = await mkdtemp(join(tmpdir(), 'sealift-example-'));
const source = join(work, 'letters');
await mkdir(source);
await writeFile(join(source, 'one.txt'), 'written before');

const common = { target: { bucket: bucketName, prefix: 'examples/letters', region, endpoint }, credentials };
const manifestDirectories = [join(work, 'manifests')];
const oldKey = await loadRsaKey(keyFile);
await push({ ...common, keys: [oldKey], source, manifestDirectories });

// The first key takes over what the others open. Its public half would do.
const newKey = await createRsaKey(join(work, 'new.pem'), { bits: 2048 });
const moved = await rewrap({ ...common, keys: [newKey, oldKey] });
console.log(`under the new key: ${moved.done} of ${moved.scanned}, exit code ${moved.exitCode}`);

// Before the old key is destroyed.
const proof = await verify({ ...common, keys: [newKey], against: source });
console.log(`verified ${proof.done}, exit code ${proof.exitCode}`);

// With both keys a push goes on with the run that it was.
await writeFile(join(source, 'two.txt'), 'written after');
const pushed = await push({ ...common, keys: [newKey, oldKey], source, manifestDirectories });
console.log(`pushed ${pushed.done}, unchanged ${pushed.skipReasons?.unchanged ?? 0}`);
