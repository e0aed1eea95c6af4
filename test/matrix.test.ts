/** {RSA, KMS} × {two envelopes} × {one PUT, parts} × {pull, verify, range of cat}, and the model reader on every object. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { runCat } from '../src/commands/run-cat.js';
import type { MasterKey } from '../src/keys/master-key.js';
import type { EnvelopeFamily } from '../src/keys/wrapper.js';
import { listen } from './commands/support.js';
import { reach } from './support/cli.js';
import { modelDecrypt } from './support/model-kms.js';
import { modelOpen, type ModelKeys } from './support/model-reader.js';
import { content, describeTree, plant } from './support/trees.js';
import { makeWorld, only, type World } from './support/world.js';

/** One PUT, and parts: the second is larger than what a test world puts whole. */
const FILES = { 'one.bin': content(70_001, 1), 'parts.bin': content(4_400_003, 2) } as const;
const SPANS = [[0, 0], [0, 15], [17, 131_090], [-1, -1]] as const;

interface Cell {
  readonly name: string;
  readonly envelope: EnvelopeFamily;
  readonly key: MasterKey;
  readonly model: ModelKeys;
}

const ENVELOPES = ['oss-crypto', 'client-side-encryption'] as const;

describe('every kind of object', () => {
  it('is opened by the model reader, pulled, verified and read by ranges', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, FILES);
    for (const { name, envelope, key, model } of cells(world)) {
      const { result } = await world.push({ target: { ...world.target, prefix: `all/${name}` }, keys: [key], envelope });
      assert.deepEqual([result.exitCode, result.done], [0, 2], name);
      await assertModelled(world, { prefix: `all/${name}`, model, envelope });
      await assertRanges(world, `all/${name}`);
      plant(world.path('expected'), Object.fromEntries(Object.entries(FILES).map(([file, data]) => [`${name}/${file}`, data])));
    }
    assert.equal(only(world.requests, 'InitiateMultipartUpload').length, cells(world).length, 'one file of each travels in parts');
    const everything = { target: { ...world.target, prefix: 'all' }, keys: [world.key, kms(world, {}).key] };
    const pulled = await world.pull(world.path('pulled'), everything);
    assert.deepEqual([pulled.result.exitCode, pulled.result.done], [0, 2 * cells(world).length]);
    assert.deepEqual(contents(world.path('pulled')), contents(world.path('expected')));
    const verified = await world.verify({ ...everything, against: world.path('expected') });
    assert.deepEqual([verified.result.exitCode, verified.result.done], [0, 2 * cells(world).length]);
  });
});

/** {RSA, KMS} × {two envelopes}, and the second spelling of the last. */
function cells(world: World): readonly Cell[] {
  const rsa = ENVELOPES.map((envelope) => ({ name: `rsa ${envelope}`, envelope, key: world.key, model: { rsa: world.key.privateKey } }));
  const java = ENVELOPES.map((envelope) => ({ name: `kms ${envelope}`, envelope, ...kms(world, {}) }));
  return [...rsa, ...java, { name: 'kms python', envelope: 'client-side-encryption', ...kms(world, { flavour: 'python' }) }];
}

/** Names and digests of the bytes: the times of these trees differ. */
function contents(root: string): Map<string, string> {
  return new Map([...describeTree(root)].map(([name, line]) => [name, line.split(' ').at(-1) ?? '']));
}

function kms({ cloud }: World, more: { readonly flavour?: 'python' }): { key: MasterKey; model: ModelKeys } {
  const { kms: { endpoint, keyId }, oss: { region }, accessKeyId, accessKeySecret } = cloud;
  return { key: { keyId, endpoint, region, ...more }, model: { kms: modelDecrypt({ endpoint, accessKeyId, accessKeySecret }) } };
}

async function assertModelled({ store }: World, { prefix, model, envelope }: { prefix: string; model: ModelKeys; envelope: EnvelopeFamily }): Promise<void> {
  for (const [name, plain] of Object.entries(FILES)) {
    const key = `${prefix}/${name}`;
    const { metadata, body } = await store.get(key);
    const { plaintext, family, attributes } = await modelOpen({ key, metadata, body: await buffer(body) }, model);
    assert.ok(plaintext.equals(plain), name);
    assert.equal(family, envelope);
    assert.match(attributes, /^mode=[0-7]+,mtime=\d+\.\d{9}$/);
  }
}

async function assertRanges(world: World, prefix: string): Promise<void> {
  const { env } = reach(world);
  const file = world.path('cat.pem');
  writeFileSync(file, world.key.privateKey?.export({ type: 'pkcs8', format: 'pem' }) ?? '', { mode: 0o600 });
  for (const [name, plain] of Object.entries(FILES)) {
    for (const [first, last] of SPANS) {
      const range = first < 0 ? `-${-last}` : `${first}-${last}`;
      const flags = { object: `oss://${world.cloud.oss.bucket}/${prefix}/${name}`, key: [file], 'kms-endpoint': world.cloud.kms.endpoint, range, 'unverified-range': true };
      const { stdout } = await listen({ env, cwd: world.directory }, (context) => runCat(context, flags));
      const expected = first < 0 ? plain.subarray(last) : plain.subarray(first, last + 1);
      assert.ok(stdout.equals(expected), `${name} ${range}`);
    }
  }
}
