import assert from 'node:assert/strict';
import { constants, createHash, generateKeyPairSync, privateDecrypt, publicEncrypt } from 'node:crypto';
import { describe, it } from 'node:test';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { StartBlock } from '../../src/crypto/start-block.js';
import { rsaKey, rsaUnwrapper, rsaWrapper, type RsaKey } from '../../src/keys/rsa.js';
import type { EnvelopeFamily, UnwrappedKeys, WrappedKeys } from '../../src/keys/wrapper.js';
import { freshKey, publicHalf, vectorKey, vectorObjects, wrappedKeysOf, wycheproofGroups, wycheproofKey } from './fixtures.js';

const FAMILIES: readonly EnvelopeFamily[] = ['oss-crypto', 'client-side-encryption'];

async function wrapped(key: RsaKey, family: EnvelopeFamily): Promise<{ keys: WrappedKeys; dataKey: Buffer; start: StartBlock }> {
  const wrapper = rsaWrapper(key, family);
  const start = StartBlock.generate();
  const { dataKey, wrappedKey } = await wrapper.issueDataKey();
  const wrappedStart = await wrapper.wrapStart(start);
  const keys = { family, wrapAlgorithm: wrapper.wrapAlgorithm, wrappedKey, wrappedStart, materialDescription: undefined };
  return { keys, dataKey: dataKey.exportBytes(), start };
}

function assertOpened(opened: UnwrappedKeys | null, cekHex: string, ivHex: string): void {
  assert.equal(opened?.dataKey.exportBytes().toString('hex'), cekHex);
  assert.equal(opened.startBlock.bytes.toString('hex'), ivHex);
}

describe('rsaKey', () => {
  it('derives the public half and a fingerprint that others can compute', () => {
    const key = vectorKey();
    const spki = key.publicKey.export({ type: 'spki', format: 'der' });
    assert.equal(key.bits, 2048);
    assert.equal(key.fingerprint, `SHA256:${createHash('sha256').update(spki).digest('hex')}`);
    assert.equal(publicHalf(key).fingerprint, key.fingerprint);
    assert.equal(publicHalf(key).privateKey, undefined);
  });

  it('refuses keys below 2,048 bits and keys that are not RSA', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    assert.throws(() => rsaKey(small), { name: 'MasterKeyError', code: 'key-file-invalid', message: /1024 bits/ });
    const curve = generateKeyPairSync('ed25519').publicKey;
    assert.throws(() => rsaKey(curve), { name: 'MasterKeyError', code: 'key-file-invalid', message: /ed25519/ });
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
    assert.throws(() => rsaKey(pss), { name: 'MasterKeyError', code: 'key-file-invalid' });
  });

  it('crosses to another thread by structured clone', async () => {
    const key = freshKey({ purpose: 'test' });
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(key);
    const { message } = receiveMessageOnPort(port2) as { message: RsaKey };
    port1.close();
    assert.equal(message.fingerprint, key.fingerprint);
    const { keys, dataKey, start } = await wrapped(key, 'oss-crypto');
    assertOpened(await rsaUnwrapper(message).unwrap(keys), dataKey.toString('hex'), start.bytes.toString('hex'));
  });
});

describe('rsaWrapper and rsaUnwrapper', () => {
  const key = freshKey();

  for (const family of FAMILIES) {
    it(`unwrap what they wrap: ${family}`, async () => {
      const { keys, dataKey, start } = await wrapped(publicHalf(key), family);
      assertOpened(await rsaUnwrapper(key).unwrap(keys), dataKey.toString('hex'), start.bytes.toString('hex'));
    });
  }

  it('says whether this process could open what it seals', () => {
    assert.equal(rsaWrapper(key, 'oss-crypto').canUnwrap, true);
    assert.equal(rsaWrapper(publicHalf(key), 'oss-crypto').canUnwrap, false);
    assert.throws(() => rsaUnwrapper(publicHalf(key)), { name: 'MasterKeyError', code: 'master-key-missing' });
  });

  it('writes the start of oss-crypto as 40 digits under OAEP-SHA-1', async () => {
    const { keys, start } = await wrapped(key, 'oss-crypto');
    assert.ok(key.privateKey);
    const text = privateDecrypt({ key: key.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, Buffer.from(keys.wrappedStart, 'base64'));
    assert.match(text.toString('latin1'), /^[0-9]{40}$/);
    assert.equal(text.toString('latin1'), start.toDecimal());
  });

  it('issues another data key every time', async () => {
    const wrapper = rsaWrapper(key, 'oss-crypto');
    const issued = await Promise.all(Array.from({ length: 20 }, () => wrapper.issueDataKey()));
    assert.equal(new Set(issued.map(({ dataKey }) => dataKey.exportBytes().toString('hex'))).size, 20);
    assert.equal(new Set(issued.map(({ wrappedKey }) => wrappedKey)).size, 20);
  });

  for (const file of ['python-legacy-rsa.json', 'python-new-rsa.json', 'python-new-localrsa.json', 'counter-carry.json']) {
    it(`opens every object of ${file}`, async () => {
      const unwrapper = rsaUnwrapper(vectorKey());
      const objects = vectorObjects(file);
      assert.ok(objects.length > 1);
      for (const object of objects) {
        assertOpened(await unwrapper.unwrap(wrappedKeysOf(object)), object.cekHex, object.ivHex);
      }
    });
  }

  it('opens every object of sealed format 1', async () => {
    const unwrapper = rsaUnwrapper(vectorKey());
    for (const object of vectorObjects('sealift-v1.json')) {
      assertOpened(await unwrapper.unwrap(wrappedKeysOf(object)), object.cekHex, object.ivHex);
    }
  });

  it('leaves KMS objects alone', async () => {
    const { keys } = await wrapped(key, 'oss-crypto');
    assert.equal(await rsaUnwrapper(key).unwrap({ ...keys, wrapAlgorithm: 'kms' }), null);
    assert.equal(await rsaUnwrapper(key).unwrap({ ...keys, wrapAlgorithm: 'KMS/ALICLOUD' }), null);
  });

  it('answers null for OAEP under another key, and bytes for PKCS#1 v1.5', async () => {
    const stranger = rsaUnwrapper(freshKey());
    const oaep = await wrapped(key, 'oss-crypto');
    assert.equal(await stranger.unwrap(oaep.keys), null);
    const pkcs1 = await wrapped(key, 'client-side-encryption');
    const opened = await stranger.unwrap(pkcs1.keys);
    assert.ok(opened);
    assert.notDeepEqual(opened.dataKey.exportBytes(), pkcs1.dataKey);
    const again = await stranger.unwrap(pkcs1.keys);
    assert.deepEqual(again?.dataKey.exportBytes(), opened.dataKey.exportBytes());
  });

  it('answers null for values of the wrong kind under OAEP', async () => {
    const { keys } = await wrapped(key, 'oss-crypto');
    const seal = (text: string | Buffer) =>
      publicEncrypt({ key: key.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, Buffer.from(text)).toString('base64');
    const unwrapper = rsaUnwrapper(key);
    for (const wrappedStart of ['', '-1', '1.0', 'x', ' 1', '0'.repeat(41), (1n << 128n).toString()]) {
      assert.equal(await unwrapper.unwrap({ ...keys, wrappedStart: seal(wrappedStart) }), null, `start ${wrappedStart}`);
    }
    for (const bytes of [0, 16, 31, 33]) {
      assert.equal(await unwrapper.unwrap({ ...keys, wrappedKey: seal(Buffer.alloc(bytes)) }), null, `key of ${bytes} bytes`);
    }
    for (const bytes of [15, 17]) {
      const foreign = { ...keys, wrapAlgorithm: 'RSA/NONE/OAEPWithSHA-1AndMGF1Padding' as const, wrappedStart: seal(Buffer.alloc(bytes)) };
      assert.equal(await unwrapper.unwrap(foreign), null, `start of ${bytes} bytes`);
    }
    for (const wrappedKey of ['', 'AAAA', Buffer.alloc(256, 0xff).toString('base64')]) {
      assert.equal(await unwrapper.unwrap({ ...keys, wrappedKey }), null);
    }
  });

  it('keeps a shared start, and still opens each key of its own', async () => {
    const first = await wrapped(key, 'oss-crypto');
    const second = await wrapped(key, 'oss-crypto');
    const unwrapper = rsaUnwrapper(key);
    const opened = await unwrapper.unwrap(first.keys);
    const shared = await unwrapper.unwrap({ ...second.keys, wrappedStart: first.keys.wrappedStart });
    assert.equal(shared?.startBlock, opened?.startBlock, 'the very block of the cache');
    assert.deepEqual(shared?.dataKey.exportBytes(), second.dataKey);
  });

  it('never serves a start of one algorithm for another', async () => {
    const { keys } = await wrapped(key, 'oss-crypto');
    const unwrapper = rsaUnwrapper(key);
    assert.ok(await unwrapper.unwrap(keys));
    assert.equal(await unwrapper.unwrap({ ...keys, wrapAlgorithm: 'RSA/NONE/OAEPWithSHA-1AndMGF1Padding' }), null, '40 digits are not 16 bytes');
  });
});

describe('OAEP-SHA-1 on Wycheproof', () => {
  const [group] = wycheproofGroups('rsa_oaep_2048_sha1_mgf1sha1_test.json');
  assert.ok(group);
  const key = rsaKey(wycheproofKey(group));
  const open = privateDecrypt.bind(undefined);

  for (const { tcId, ct, msg, label, result, comment } of group.tests) {
    it(`${result} ${tcId}${comment === '' ? '' : `: ${comment}`}`, async () => {
      const ciphertext = Buffer.from(ct, 'hex');
      const isOurs = result === 'valid' && (label ?? '') === '';
      if (isOurs && key.privateKey !== undefined) {
        const plain = open({ key: key.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, ciphertext);
        assert.equal(plain.toString('hex'), msg);
      }
      const { keys } = await wrapped(key, 'oss-crypto');
      const opened = await rsaUnwrapper(key).unwrap({ ...keys, wrappedKey: ciphertext.toString('base64') });
      assert.equal(opened?.dataKey.exportBytes().toString('hex') ?? null, isOurs && msg.length === 64 ? msg : null);
    });
  }
});
