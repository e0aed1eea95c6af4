import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DataKey } from '../../src/crypto/data-key.js';
import { authenticationFailed } from '../../src/crypto/open.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { KmsError, type SealiftError } from '../../src/errors.js';
import { Keyring } from '../../src/keys/keyring.js';
import { rsaKey, rsaUnwrapper, rsaWrapper, type RsaKey } from '../../src/keys/rsa.js';
import type { EnvelopeFamily, KeyUnwrapper, UnwrappedKeys, WrapAlgorithm, WrappedKeys } from '../../src/keys/wrapper.js';
import { freshKey, vectorKey, vectorObjects, wrappedKeysOf } from './fixtures.js';

const always = () => true;
const RSA: WrappedKeys = { family: 'oss-crypto', wrapAlgorithm: 'rsa', wrappedKey: 'k', wrappedStart: 's', materialDescription: undefined };

interface Trial {
  readonly unwrapper: KeyUnwrapper;
  readonly given: UnwrappedKeys[];
}

/** An unwrapper that always opens, and remembers what it gave away. */
function opening(description: string, details: { algorithms?: readonly WrapAlgorithm[]; materialDescription?: Record<string, string>; start?: StartBlock } = {}): Trial {
  const given: UnwrappedKeys[] = [];
  const unwrap = () => {
    const keys = { dataKey: DataKey.generate(), startBlock: details.start ?? StartBlock.generate() };
    given.push(keys);
    return Promise.resolve(keys);
  };
  return { given, unwrapper: { description, wrapAlgorithms: details.algorithms ?? ['rsa'], materialDescription: details.materialDescription, unwrap } };
}

function closed(description: string, unwrap: KeyUnwrapper['unwrap'] = () => Promise.resolve(null)): KeyUnwrapper {
  return { description, wrapAlgorithms: ['rsa'], materialDescription: undefined, unwrap };
}

async function sealedUnder(key: RsaKey, family: EnvelopeFamily): Promise<{ keys: WrappedKeys; dataKey: Buffer }> {
  const wrapper = rsaWrapper(key, family);
  const { dataKey, wrappedKey } = await wrapper.issueDataKey();
  const wrappedStart = await wrapper.wrapStart(StartBlock.generate());
  return { dataKey: dataKey.exportBytes(), keys: { family, wrapAlgorithm: wrapper.wrapAlgorithm, wrappedKey, wrappedStart, materialDescription: undefined } };
}

describe('Keyring', () => {
  it('asks only keys of the right kind', async () => {
    const kms = opening('KMS', { algorithms: ['kms', 'KMS/ALICLOUD'] });
    const rsa = opening('RSA');
    assert.equal(await new Keyring([kms.unwrapper, rsa.unwrapper]).open(RSA, always), rsa.given[0]);
    assert.equal(kms.given.length, 0);
  });

  for (const [algorithm, advice] of [['rsa', /--key/], ['RSA/NONE/PKCS1Padding', /--key/], ['kms', /--kms-key/], ['KMS/ALICLOUD', /--kms-key/]] as const) {
    it(`says which option is missing for ${algorithm}`, async () => {
      await assert.rejects(new Keyring([]).open({ ...RSA, wrapAlgorithm: algorithm }, always, 'a/b'), (error: SealiftError) => {
        assert.equal(error.name, 'MasterKeyError');
        assert.equal(error.code, 'master-key-missing');
        assert.equal(error.object, 'a/b');
        assert.match(error.remedy ?? '', advice);
        return true;
      });
    });
  }

  it('prefers the key the object names, by equal maps in any order, and tries one of another name last', async () => {
    const other = opening('other', { materialDescription: { a: '1', b: '3' } });
    const silent = opening('silent');
    const same = opening('same', { materialDescription: { b: '2', a: '1' } });
    const ring = new Keyring([other.unwrapper, silent.unwrapper, same.unwrapper]);
    const keys = { ...RSA, materialDescription: { a: '1', b: '2' } };
    assert.equal(await ring.open(keys, always), same.given[0]);
    assert.equal(other.given.length + silent.given.length, 0);
    let refusals = 2;
    const opened = await ring.open(keys, () => (refusals -= 1) < 0);
    assert.equal(opened, other.given[0], 'last, but tried');
  });

  it('keeps the configured order where nothing is named', async () => {
    const first = opening('first', { materialDescription: { a: '1' } });
    const second = opening('second');
    assert.equal(await new Keyring([first.unwrapper, second.unwrapper]).open(RSA, always), first.given[0]);
  });

  it('treats names that every object inherits as absent', async () => {
    const trap = opening('trap', { materialDescription: { toString: 'x' } });
    const plain = opening('plain');
    const ring = new Keyring([trap.unwrapper, plain.unwrapper]);
    assert.equal(await ring.open({ ...RSA, materialDescription: { constructor: 'y' } }, always), plain.given[0]);
  });

  it('wipes every candidate that is not accepted', async () => {
    const wrong = opening('wrong');
    const right = opening('right');
    const ring = new Keyring([wrong.unwrapper, right.unwrapper]);
    const opened = await ring.open(RSA, (candidate) => candidate === right.given[0]);
    assert.equal(opened, right.given[0]);
    assert.throws(() => wrong.given[0]?.dataKey.exportBytes());
    assert.equal(opened.dataKey.exportBytes().length, 32);
  });

  it('fails with one text whatever failed, and lists the keys it tried', async () => {
    const outcomes: SealiftError[] = [];
    const collect = (error: SealiftError) => outcomes.push(error) > 0;
    await assert.rejects(new Keyring([closed('RSA one'), closed('RSA two')]).open(RSA, always, 'a'), collect);
    await assert.rejects(new Keyring([opening('RSA one').unwrapper, opening('RSA two').unwrapper]).open(RSA, () => false, 'a'), collect);
    for (const error of outcomes) {
      assert.equal(error.name, 'AuthenticationError');
      assert.equal(error.code, 'authentication-failed');
      assert.equal(error.exitCode, 4);
      assert.equal(error.message, authenticationFailed('a').message);
      assert.match(error.remedy ?? '', /RSA one, RSA two/);
      assert.equal(error.cause, undefined);
    }
    assert.equal(outcomes[0]?.remedy, outcomes[1]?.remedy, 'nothing says why');
  });

  it('goes on past a key that cannot be asked, and reports it when no other opens', async () => {
    const down = closed('KMS', () => Promise.reject(new KmsError('kms-unavailable', 'out of reach')));
    const right = opening('right');
    assert.equal(await new Keyring([down, right.unwrapper]).open(RSA, always), right.given[0]);
    await assert.rejects(new Keyring([down, closed('RSA')]).open(RSA, always), { name: 'KmsError', code: 'kms-unavailable' });
  });

  it('never hides a bug behind another key', async () => {
    const broken = closed('broken', () => Promise.reject(new TypeError('bug')));
    await assert.rejects(new Keyring([broken, opening('fine').unwrapper]).open(RSA, always), TypeError);
  });
});

describe('Keyring over RSA keys', () => {
  const right = freshKey();
  const wrong = freshKey();
  const ring = new Keyring([rsaUnwrapper(wrong), rsaUnwrapper(right)]);

  for (const family of ['oss-crypto', 'client-side-encryption'] as const) {
    it(`finds the key of a sealed object by its commitment: ${family}`, async () => {
      const { keys, dataKey } = await sealedUnder(right, family);
      const opened = await ring.open(keys, (candidate) => candidate.dataKey.exportBytes().equals(dataKey));
      assert.deepEqual(opened.dataKey.exportBytes(), dataKey);
    });
  }

  it('finds the key of foreign PKCS#1 objects by a plausible start block', async () => {
    const foreign = new Keyring([rsaUnwrapper(wrong), rsaUnwrapper(vectorKey())]);
    for (const object of vectorObjects('python-new-rsa.json')) {
      const opened = await foreign.open(wrappedKeysOf(object), always);
      assert.equal(opened.dataKey.exportBytes().toString('hex'), object.cekHex);
    }
  });

  it('falls back to the key the object names when no start block is plausible', async () => {
    const named = rsaUnwrapper(rsaKey(vectorKey().privateKey ?? assert.fail(), { name: 'mine' }));
    const foreign = new Keyring([rsaUnwrapper(wrong), named]);
    for (const object of vectorObjects('counter-carry.json')) {
      const opened = await foreign.open({ ...wrappedKeysOf(object), materialDescription: { name: 'mine' } }, always);
      assert.equal(opened.dataKey.exportBytes().toString('hex'), object.cekHex);
    }
  });

  it('gives bytes, not an error, for a foreign PKCS#1 object under a key nobody has', async () => {
    const { keys } = await sealedUnder(freshKey(), 'client-side-encryption');
    const opened = await ring.open(keys, always);
    assert.equal(opened.dataKey.exportBytes().length, 32);
  });
});
