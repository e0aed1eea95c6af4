import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Crc64 } from '../../src/crypto/crc64.js';
import { startDecryptServer } from '../keys/stand-in-kms.js';
import { makeWorld } from '../support/world.js';
import { FOREIGN_FAMILIES, loadGcmObjects, loadObjects, loadSealiftObjects, type VectorObject } from '../vectors/load.js';

interface Named {
  readonly name: string;
  readonly vector: VectorObject;
}

const foreign: readonly Named[] = [
  ...FOREIGN_FAMILIES.flatMap((family) => named(family, loadObjects(family))),
  ...named('gcm-read-as-ctr', loadGcmObjects()),
];
const sealed: readonly Named[] = named('sealift-v1', loadSealiftObjects());
const all = [...foreign, ...sealed];

function named(family: string, vectors: readonly VectorObject[]): Named[] {
  return vectors.map((vector, index) => ({ name: `${family}/${index}`, vector }));
}

describe('the published vectors', () => {
  it('come back through a pull, those of other SDKs when they are accepted unauthenticated', async (t) => {
    const world = await makeWorld(t);
    const crc = Crc64.create();
    for (const { name, vector } of all) {
      const body = Buffer.from(vector.ciphertext, 'base64');
      await world.store.put(`v/${name}`, body, { metadata: vector.metadata, crc64: crc.digestOf(body) });
    }
    const kms = await startDecryptServer(Object.assign({}, ...all.map(({ vector }) => vector.kmsBlobs ?? {})) as Record<string, string>);
    t.after(() => kms.close());
    const common = { target: { ...world.target, prefix: 'v' }, keys: [world.key, { endpoint: kms.endpoint, region: 'cn-hangzhou' }] };

    const strict = await world.pull(world.path('strict'), { ...common, allowRenamed: true });
    assert.deepEqual([strict.result.done, strict.result.failed], [sealed.length, foreign.length]);
    assert.deepEqual([...new Set(strict.result.failures.map(({ code }) => code))], ['unauthenticated']);
    assert.equal(strict.result.exitCode, 4);

    const pulled = await world.pull(world.path('back'), { ...common, allowRenamed: true, allowUnauthenticated: true });
    assert.deepEqual([pulled.result.done, pulled.result.failures], [all.length, []]);
    for (const { name, vector } of all) {
      const plaintext = readFileSync(world.path('back', name));
      assert.equal(createHash('sha256').update(plaintext).digest('hex'), vector.plaintextSha256, name);
    }
    const warned = pulled.events.filter((event) => event.event === 'notice' && event.message.includes('unauthenticated'));
    assert.equal(warned.length, foreign.length);
  });
});
