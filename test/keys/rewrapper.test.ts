import assert from 'node:assert/strict';
import { privateDecrypt } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { DataKey } from '../../src/crypto/data-key.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { kmsRewrapper, kmsUnwrapper, kmsWrapper, type KmsKey } from '../../src/keys/kms.js';
import { KmsClient } from '../../src/keys/kms-client.js';
import { rsaRewrapper, rsaUnwrapper, rsaWrapper, type RsaKey } from '../../src/keys/rsa.js';
import type { KeyRewrapper, KeyUnwrapper, KeyWrapper, UnwrappedKeys, WrappedKeys } from '../../src/keys/wrapper.js';
import { MAX_CACHED_STARTS } from '../../src/limits.js';
import { freshKey, publicHalf } from './fixtures.js';
import { kmsCloud } from './kms-cloud.js';
import { startStandIn } from './stand-in-kms.js';

const embedded = kmsCloud();
const kmsKey = embedded.key;

const oldRsa = freshKey();
const newRsa = freshKey();

interface Side {
  readonly wrapper: () => KeyWrapper;
  readonly rewrapper: () => KeyRewrapper;
  readonly unwrapper: () => KeyUnwrapper;
}

function rsaSide(key: RsaKey): Side {
  return { wrapper: () => rsaWrapper(key, 'oss-crypto'), rewrapper: () => rsaRewrapper(publicHalf(key)), unwrapper: () => rsaUnwrapper(key) };
}

function kmsSide(alias: string, details: Partial<KmsKey> = {}): Side {
  const key = (): KmsKey => kmsKey({ keyId: `alias/${alias}`, ...details });
  return { wrapper: () => kmsWrapper(key(), 'oss-crypto'), rewrapper: () => kmsRewrapper(key()), unwrapper: () => kmsUnwrapper(key()) };
}

const SIDES: Readonly<Record<string, Side>> = {
  'an RSA key': rsaSide(oldRsa),
  'another RSA key': rsaSide(newRsa),
  'a KMS key': kmsSide('one'),
  'a KMS key with a passphrase': kmsSide('two', { passphrase: 'größe /+=%' }),
  'the same with another passphrase': kmsSide('two', { passphrase: 'secret' }),
};

async function sealedUnder(side: Side): Promise<WrappedKeys> {
  const wrapper = side.wrapper();
  const { wrappedKey } = await wrapper.issueDataKey();
  return wrappedKeys(wrapper, wrappedKey, await wrapper.wrapStart(StartBlock.generate()));
}

function wrappedKeys({ wrapAlgorithm }: Pick<WrappedKeys, 'wrapAlgorithm'>, wrappedKey: string, wrappedStart: string): WrappedKeys {
  return { family: 'oss-crypto', wrapAlgorithm, wrappedKey, wrappedStart, materialDescription: undefined };
}

async function opened(side: Side, keys: WrappedKeys): Promise<UnwrappedKeys> {
  return (await side.unwrapper().unwrap(keys)) ?? assert.fail('not opened');
}

describe('a rewrapper', () => {
  before(() => {
    embedded.cloud.createKmsKey('alias/one');
    embedded.cloud.createKmsKey('alias/two');
  });

  for (const [from, old] of Object.entries(SIDES)) {
    for (const [to, next] of Object.entries(SIDES)) {
      it(`takes over from ${from} for ${to}`, async () => {
        const was = await opened(old, await sealedUnder(old));
        const rewrapper = next.rewrapper();
        const [start, wrappedKey] = await Promise.all([rewrapper.wrapStart(was.startBlock), rewrapper.wrapKey(was.dataKey)]);
        const is = await opened(next, wrappedKeys(rewrapper, wrappedKey, start.wrapped));
        assert.deepEqual(is.dataKey.exportBytes(), was.dataKey.exportBytes(), 'the caller keeps the data key');
        assert.deepEqual(is.startBlock.bytes, was.startBlock.bytes);
        assert.equal(is.under, start.under, 'what tells that an object has passed already');
      });
    }
  }

  it('names the key that holds an object, so that a change of keys shows', async () => {
    const under = await Promise.all(Object.values(SIDES).map(async (side) => (await opened(side, await sealedUnder(side))).under));
    assert.deepEqual(under.slice(0, 2), [oldRsa.fingerprint, newRsa.fingerprint]);
    const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
    assert.match(under[2] ?? '', new RegExp(`^kms:${uuid}:${uuid}$`));
    assert.notEqual(under[3], under[2]);
    assert.equal(under[4], under[3], 'a passphrase is no key');
  });

  it('writes what the format says, under RSA', async () => {
    const [start, dataKey] = [StartBlock.generate(), DataKey.generate()];
    const rewrapper = rsaRewrapper(publicHalf(newRsa));
    const open = (wrapped: string): Buffer => privateDecrypt(newRsa.privateKey ?? assert.fail(), Buffer.from(wrapped, 'base64'));
    assert.match(start.toDecimal(), /^\d{40}$/);
    assert.equal(open((await rewrapper.wrapStart(start)).wrapped).toString(), start.toDecimal());
    assert.deepEqual(open(await rewrapper.wrapKey(dataKey)), dataKey.exportBytes());
  });

  it('writes what the service itself would have, under KMS', async () => {
    const context = '{"x-passphrase":"secret"}';
    const [start, key] = [StartBlock.generate(), kmsKey({ passphrase: 'secret' })];
    const client = new KmsClient(key);
    const made = await client.generateDataKey(context);
    const madeThere = await client.decrypt(made.blob, context);
    const rewrapper = kmsRewrapper(key);
    const madeHere = await client.decrypt(await rewrapper.wrapKey(DataKey.adopt(Buffer.from(made.plaintext))), context);
    assert.deepEqual(madeHere, madeThere);
    assert.equal((await client.decrypt((await rewrapper.wrapStart(start)).wrapped, context)).plaintext, start.toDecimal());
  });
});

describe('start blocks that objects share', () => {
  for (const [name, side, calls] of [['RSA', rsaSide(newRsa), 0], ['KMS', kmsSide('shared'), 2]] as const) {
    it(`are wrapped once, whoever asks: ${name}`, async () => {
      embedded.cloud.createKmsKey('alias/shared');
      const rewrapper = side.rewrapper();
      const [one, two] = [StartBlock.generate(), StartBlock.generate()];
      const same = (start: StartBlock): StartBlock => StartBlock.fromBytes(Buffer.from(start.bytes));
      const together = await Promise.all([one, same(one), two, same(one)].map((start) => rewrapper.wrapStart(start)));
      const later = await rewrapper.wrapStart(same(two));
      assert.equal(new Set(together.map(({ wrapped }) => wrapped)).size, 2);
      assert.deepEqual([together[1], together[3], later], [together[0], together[0], together[2]]);
      assert.deepEqual(embedded.records.map(({ operation }) => operation), Array<string>(calls).fill('Encrypt'));
    });
  }

  it('are forgotten, the least recently used first', async () => {
    const rewrapper = rsaRewrapper(newRsa);
    const [kept, lost] = [StartBlock.generate(), StartBlock.generate()];
    const before = [await rewrapper.wrapStart(lost), await rewrapper.wrapStart(kept)];
    for (let count = 1; count < MAX_CACHED_STARTS; count += 1) {
      await rewrapper.wrapStart(StartBlock.generate());
    }
    assert.deepEqual(await rewrapper.wrapStart(kept), before[1]);
    assert.notDeepEqual(await rewrapper.wrapStart(lost), before[0]);
  });

  it('are asked for again after a failure', async () => {
    const rewrapper = kmsRewrapper(kmsKey());
    const start = StartBlock.generate();
    embedded.faults = () => ({ kind: 'answer', status: 403, body: JSON.stringify({ Code: 'Forbidden.NoPermission', Message: 'no', RequestId: 'r' }) });
    await assert.rejects(rewrapper.wrapStart(start), { name: 'KmsError', code: 'kms-refused' });
    await assert.rejects(rewrapper.wrapKey(DataKey.generate()), { code: 'kms-refused' });
    embedded.faults = () => undefined;
    assert.ok((await rewrapper.wrapStart(start)).wrapped);
  });

  it('are not taken from others by an abort of one who waits', async () => {
    const rewrapper = kmsRewrapper(kmsKey(), new KmsClient(kmsKey(), { random: () => 0 }));
    const [start, controller] = [StartBlock.generate(), new AbortController()];
    embedded.faults = () => {
      controller.abort();
      embedded.faults = () => undefined;
      return { kind: 'answer', status: 503 };
    };
    const aborted = rewrapper.wrapStart(start, controller.signal);
    const other = await rewrapper.wrapStart(start);
    assert.deepEqual(await aborted, other, 'no need to wait, but it is there');
    assert.equal(embedded.records.length, 2);
  });
});

describe('a KMS rewrapper', () => {
  it('stops when nobody waits any more', async () => {
    const rewrapper = kmsRewrapper(kmsKey(), new KmsClient(kmsKey(), { random: () => 0.999 }));
    for (const call of [(signal: AbortSignal) => rewrapper.wrapStart(StartBlock.generate(), signal), (signal: AbortSignal) => rewrapper.wrapKey(DataKey.generate(), signal)]) {
      const controller = new AbortController();
      embedded.faults = () => {
        controller.abort();
        return { kind: 'answer', status: 503 };
      };
      embedded.records = [];
      await assert.rejects(call(controller.signal), { name: 'KmsError', code: 'interrupted' });
      assert.equal(embedded.records.length, 1);
    }
  });

  it('needs a key by name, and a passphrase that others could send', () => {
    const { endpoint, region, credentials } = kmsKey();
    const unnamed: KmsKey = { endpoint, region, credentials };
    assert.throws(() => kmsRewrapper(unnamed), { name: 'MasterKeyError', code: 'master-key-missing' });
    assert.throws(() => kmsRewrapper(kmsKey({ passphrase: 'a"b' })), { name: 'MasterKeyError', code: 'config-invalid' });
  });

  it('does without the names of a service that gives none', async () => {
    const start = StartBlock.generate();
    const texts = [Buffer.alloc(32, 7).toString('base64'), start.toDecimal()];
    const server = await startStandIn((form, action) => {
      const answer = action === 'Encrypt' ? { CiphertextBlob: 'Zm9v' } : { Plaintext: form.get('CiphertextBlob') === 'a2V5' ? texts[0] : texts[1] };
      return { status: 200, body: JSON.stringify({ ...answer, RequestId: 'r' }) };
    });
    try {
      const key = kmsKey({ endpoint: server.endpoint });
      const is = await kmsUnwrapper(key).unwrap(wrappedKeys({ wrapAlgorithm: 'kms' }, 'a2V5', 'c3RhcnQ='));
      assert.equal(is === null || 'under' in is, false);
      assert.deepEqual(await kmsRewrapper(key).wrapStart(start), { wrapped: 'Zm9v', under: `kms:cn-hangzhou:${embedded.cloud.kms.keyId}` });
    } finally {
      await server.close();
    }
  });
});
