import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { keyFile } from './support/cli.js';
import { makeWorld, PACKAGE_ROOT } from './support/world.js';

/** What a reader of each example sees when he runs it. */
const EXPECTED: Readonly<Record<string, string>> = {
  'directory': 'pushed 1 of 1 files\nverified 1, exit code 0\npulled 1: sea, sky, sand\n\n',
  'bucket': "work hard, play hard true { author: 'Ada' }\nexamples/motto.txt 20\noss-crypto true\n",
  'files': 'sent 10485760 bytes\nauthenticated true, the same bytes: true\n',
  'streams': 'sealed a stream: true\nread 8890 characters\n',
  'ranges': 'examples/alphabet.txt: the bytes of a range cannot be authenticated\ndef false\n',
  'kms': 'sealed under a key in KMS true\nclient-side-encryption\n',
  'several-keys': 'sealed last year\nsealed this year\n',
  'new-master-key': 'under the new key: 1 of 1, exit code 0\nverified 1, exit code 0\npushed 1, unchanged 1\n',
  'own-keys': 'opened by a device true\n',
  'errors': [
    'there is no oss://sealift/examples/no-such-object', 'changed, or sealed under another key: do not use it',
    'usage: examples/clash.txt: "x-oss-meta-sealift-tag" cannot be user metadata', 'master-key-missing: no master key to seal with', '',
  ].join('\n'),
  'own-transport': 'oss-crypto notes/1.txt\ncarried by somebody else true\n',
};

describe('docs/examples', () => {
  it('run as they are and print what they should', async (t) => {
    const world = await makeWorld(t);
    const { cloud } = world;
    const env = {
      PATH: process.env['PATH'], HOME: world.directory, OSS_ENDPOINT: cloud.oss.endpoint, OSS_REGION: cloud.oss.region, OSS_BUCKET: cloud.oss.bucket,
      OSS_ACCESS_KEY_ID: cloud.accessKeyId, OSS_ACCESS_KEY_SECRET: cloud.accessKeySecret, SEALIFT_KEY: keyFile(world, world.key),
      KMS_ENDPOINT: cloud.kms.endpoint, KMS_KEY_ID: cloud.kms.keyId, TMPDIR: world.directory,
    };
    mkdirSync(world.path('run'));
    const { code, stdout, stderr } = await run(Object.keys(EXPECTED), { cwd: world.path('run'), env });
    assert.deepEqual([code, stderr], [0, '']);
    const [, ...outputs] = stdout.split(/^example (.+)\n/m);
    const seen = outputs.flatMap((name, index) => (index % 2 === 0 ? [[name, outputs[index + 1]]] : []));
    assert.deepEqual(Object.fromEntries(seen), EXPECTED);
  });

  it('are all among them', () => {
    const files = readdirSync(join(PACKAGE_ROOT, 'docs/examples')).filter((name) => name.endsWith('.ts')).map((name) => name.slice(0, -'.ts'.length));
    assert.deepEqual(files.filter((name) => name !== 'environment').sort(), Object.keys(EXPECTED).sort());
  });
});

/** All in one process, which ends when the last has let go of everything: ten times the start would cost more than all they do. */
async function run(names: readonly string[], { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv }): Promise<{ code: number; stdout: string; stderr: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [join(PACKAGE_ROOT, 'dist/test/support/run-examples.js'), ...names], { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
