import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StartBlock } from '../../src/crypto/start-block.js';
import { Keyring } from '../../src/keys/keyring.js';
import { kmsUnwrapper, kmsWrapper, type KmsKey } from '../../src/keys/kms.js';
import { KmsClient } from '../../src/keys/kms-client.js';
import { StartCache } from '../../src/keys/start-cache.js';
import { SharedStart } from '../../src/keys/wrapped-start.js';
import type { EnvelopeFamily, UnwrappedKeys, WrappedKeys } from '../../src/keys/wrapper.js';
import { vectorObjects, wrappedKeysOf } from './fixtures.js';
import { kmsCloud } from './kms-cloud.js';
import { startDecryptServer } from './stand-in-kms.js';

const embedded = kmsCloud();
const key = embedded.key;

interface Sealed {
  readonly keys: WrappedKeys;
  readonly dataKey: Buffer;
  readonly start: StartBlock;
}

async function sealed(kms: KmsKey, family: EnvelopeFamily): Promise<Sealed> {
  const wrapper = kmsWrapper(kms, family);
  const start = StartBlock.generate();
  const { dataKey, wrappedKey } = await wrapper.issueDataKey();
  const wrappedStart = await wrapper.wrapStart(start);
  return { dataKey: dataKey.exportBytes(), start, keys: { family, wrapAlgorithm: wrapper.wrapAlgorithm, wrappedKey, wrappedStart, materialDescription: undefined } };
}

function assertOpened(opened: UnwrappedKeys | null, { dataKey, start }: Sealed): void {
  assert.deepEqual(opened?.dataKey.exportBytes(), dataKey);
  assert.deepEqual(opened.startBlock.bytes, start.bytes);
}

/** The same blob with one bit of its ciphertext changed; base64 may go around it twice. */
function altered(header: string, layers = 1): string {
  const bytes = Buffer.from(header, 'base64');
  if (layers > 1) {
    return Buffer.from(altered(bytes.toString('latin1'), layers - 1), 'latin1').toString('base64');
  }
  const last = bytes.length - 1;
  bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last);
  return bytes.toString('base64');
}

const DIALECTS: readonly (readonly [string, EnvelopeFamily, Partial<KmsKey>, number])[] = [
  ['kms', 'oss-crypto', {}, 1],
  ['kms with a passphrase', 'oss-crypto', { passphrase: 'größe /+=%' }, 1],
  ['KMS/ALICLOUD, Java', 'client-side-encryption', {}, 1],
  ['KMS/ALICLOUD, Python', 'client-side-encryption', { flavour: 'python' }, 2],
  ['KMS/ALICLOUD, Python with a passphrase', 'client-side-encryption', { flavour: 'python', passphrase: 'secret' }, 2],
];

describe('kmsWrapper and kmsUnwrapper', () => {
  for (const [name, family, details, layers] of DIALECTS) {
    it(`unwrap what they wrap: ${name}`, async () => {
      const object = await sealed(key(details), family);
      assertOpened(await kmsUnwrapper(key(details)).unwrap(object.keys), object);
      const reader = kmsUnwrapper(key({ ...details, flavour: details.flavour === 'python' ? 'java' : 'python' }));
      assertOpened(await reader.unwrap(object.keys), object);
    });

    it(`see an altered blob as the failure it is: ${name}`, async () => {
      const { keys } = await sealed(key(details), family);
      const wrongKey = { ...keys, wrappedKey: altered(keys.wrappedKey, layers) };
      const wrongStart = { ...keys, wrappedStart: altered(keys.wrappedStart, layers) };
      assert.equal(await kmsUnwrapper(key(details)).unwrap(wrongKey), null);
      assert.equal(await kmsUnwrapper(key(details)).unwrap(wrongStart), null);
      const both = { ...wrongKey, wrappedStart: wrongStart.wrappedStart };
      if (name === 'KMS/ALICLOUD, Java') {
        assert.equal(await kmsUnwrapper(key(details)).unwrap(both), null, 'there is no context that could be wrong');
      } else {
        await assert.rejects(kmsUnwrapper(key(details)).unwrap(both), { name: 'KmsError', code: 'kms-refused' }, 'could be the context as well');
      }
      const experienced = kmsUnwrapper(key(details));
      assert.ok(await experienced.unwrap(keys));
      assert.equal(await experienced.unwrap(both), null, 'the context is known to be right');
    });
  }

  it('write the start of oss-crypto as 40 digits and the key as the service made it', async () => {
    const { keys, start } = await sealed(key(), 'oss-crypto');
    const client = new KmsClient(key());
    assert.equal((await client.decrypt(keys.wrappedStart, undefined)).plaintext, start.toDecimal());
    assert.equal(Buffer.from((await client.decrypt(keys.wrappedKey, undefined)).plaintext, 'base64').length, 32);
    assert.deepEqual(embedded.records.map(({ operation }) => operation), ['GenerateDataKey', 'Encrypt', 'Decrypt', 'Decrypt']);
  });

  it('make the key here in the Java flavour and there in the Python one', async () => {
    await kmsWrapper(key(), 'client-side-encryption').issueDataKey();
    await kmsWrapper(key({ flavour: 'python' }), 'client-side-encryption').issueDataKey();
    assert.deepEqual(embedded.records.map(({ operation }) => operation), ['Encrypt', 'GenerateDataKey']);
  });

  it('take an alias for a key', async () => {
    const alias = 'alias/test';
    embedded.cloud.createKmsKey(alias);
    const object = await sealed(key({ keyId: alias }), 'oss-crypto');
    assertOpened(await kmsUnwrapper(key()).unwrap(object.keys), object);
    assert.equal(kmsWrapper(key({ keyId: alias }), 'oss-crypto').fingerprint, 'kms:cn-hangzhou:alias/test');
  });

  it('refuse a wrong or missing passphrase, naming the key and no blob', async () => {
    const { keys } = await sealed(key({ passphrase: 'right' }), 'oss-crypto');
    for (const details of [{ passphrase: 'wrong' }, {}]) {
      await assert.rejects(kmsUnwrapper(key(details)).unwrap(keys), (error: Error) => {
        assert.match(error.message, new RegExp(`^KMS key ${embedded.cloud.kms.keyId}: Decrypt refused \\(InvalidCiphertext, request [\\w-]+\\)$`));
        assert.ok(!JSON.stringify([error.message, error.stack, error.cause]).includes(keys.wrappedKey.slice(0, 20)));
        return 'code' in error && error.code === 'kms-refused' && 'exitCode' in error && error.exitCode === 5;
      });
    }
  });

  for (const [name, family, details, layers] of DIALECTS) {
    it(`take a start that somebody else opened for a proof: ${name}`, async () => {
      const { keys } = await sealed(key(details), family);
      const shared = new StartCache();
      assert.ok(await kmsUnwrapper(key(details), new KmsClient(key(details)), shared).unwrap(keys));
      const other = kmsUnwrapper(key(details), new KmsClient(key(details)), shared);
      assert.equal(await other.unwrap({ ...keys, wrappedKey: altered(keys.wrappedKey, layers) }), null);
    });
  }

  it('refuse an object whose key KMS does not know, for region or account may be wrong', async () => {
    for (const [, family, details] of DIALECTS) {
      const { keys } = await sealed(key(details), family);
      embedded.faults = () => ({ kind: 'answer', status: 404, body: JSON.stringify({ Code: 'Forbidden.KeyNotFound', Message: 'no', RequestId: 'r' }) });
      const unwrapper = kmsUnwrapper(key(details));
      await assert.rejects(unwrapper.unwrap(keys), { code: 'kms-refused', remedy: /region and account/ });
      embedded.faults = () => undefined;
      assert.ok(await unwrapper.unwrap(keys));
    }
  });

  it('refuse a disabled key at once, and open again when it is enabled', async () => {
    const keyId = embedded.cloud.createKmsKey();
    const object = await sealed(key({ keyId }), 'oss-crypto');
    embedded.cloud.setKmsKeyEnabled(keyId, false);
    embedded.records = [];
    await assert.rejects(kmsUnwrapper(key({ keyId })).unwrap(object.keys), { code: 'kms-refused', message: /Rejected\.Disabled/, remedy: /Enable/ });
    await assert.rejects(kmsWrapper(key({ keyId }), 'oss-crypto').issueDataKey(), { code: 'kms-refused', object: keyId });
    assert.equal(embedded.records.length, 3, 'nothing is tried twice');
    embedded.cloud.setKmsKeyEnabled(keyId, true);
    assertOpened(await kmsUnwrapper(key({ keyId })).unwrap(object.keys), object);
  });

  it('refuse a passphrase that other SDKs could not send', () => {
    for (const passphrase of ['', 'a"b', 'a\\b', 'a\nb', 'a\u007fb', '\ud800']) {
      assert.throws(() => kmsWrapper(key({ passphrase }), 'oss-crypto'), { name: 'MasterKeyError', code: 'config-invalid' });
      assert.throws(() => kmsUnwrapper(key({ passphrase })), { code: 'config-invalid' });
    }
    assert.throws(() => kmsWrapper(key({ passphrase: 'x' }), 'client-side-encryption'), { code: 'config-invalid', remedy: /python/ });
  });

  it('leave RSA objects alone', async () => {
    const { keys } = await sealed(key(), 'oss-crypto');
    assert.equal(await kmsUnwrapper(key()).unwrap({ ...keys, wrapAlgorithm: 'rsa' }), null);
  });

  it('answer null for values of the wrong kind', async () => {
    const client = new KmsClient(key());
    const { keys } = await sealed(key(), 'oss-crypto');
    const reader = kmsUnwrapper(key());
    assert.ok(await reader.unwrap(keys));
    for (const wrong of ['AAAA', 'not base64', '*']) {
      assert.equal(await reader.unwrap({ ...keys, wrappedKey: (await client.encrypt(wrong, undefined)).blob }), null, `key ${wrong}`);
    }
    for (const wrong of ['-1', 'x', '9'.repeat(40)]) {
      assert.equal(await reader.unwrap({ ...keys, wrappedStart: (await client.encrypt(wrong, undefined)).blob }), null, `start ${wrong}`);
    }
    const java = await sealed(key(), 'client-side-encryption');
    assert.equal(await reader.unwrap({ ...java.keys, wrappedStart: (await client.encrypt('AAAA', undefined)).blob }), null);
  });
});

describe('KMS calls', () => {
  it('are one per object and one per 256 starts, sealed and opened', async () => {
    const objects = 600;
    const wrapper = kmsWrapper(key(), 'oss-crypto');
    const shared = new SharedStart(wrapper);
    shared.prepare(64);
    const made = await Promise.all(Array.from({ length: objects }, () => shared.next()));
    assert.equal(embedded.records.length, objects + 3);
    embedded.records = [];
    const reader = kmsUnwrapper(key());
    await Promise.all(made.map(async ({ issued, wrappedStart }) => {
      const keys: WrappedKeys = { family: 'oss-crypto', wrapAlgorithm: 'kms', wrappedKey: issued.wrappedKey, wrappedStart, materialDescription: undefined };
      const opened = await reader.unwrap(keys);
      assert.deepEqual(opened?.dataKey.exportBytes(), issued.dataKey.exportBytes());
    }));
    assert.equal(embedded.records.length, objects + 3);
  });
});

describe('Keyring over KMS keys', () => {
  it('finds the passphrase by trial', async () => {
    const ring = new Keyring([kmsUnwrapper(key({ passphrase: 'one' })), kmsUnwrapper(key({ passphrase: 'two' })), kmsUnwrapper(key())]);
    for (const [, family, details] of DIALECTS.filter(([, , { passphrase }]) => passphrase === undefined || passphrase === 'secret')) {
      const object = await sealed(key({ ...details, ...(details.passphrase === undefined ? {} : { passphrase: 'two' }) }), family);
      assertOpened(await ring.open(object.keys, ({ dataKey }) => dataKey.exportBytes().equals(object.dataKey)), object);
    }
  });

  it('gives an altered object the same text as any other failure', async () => {
    const { keys } = await sealed(key(), 'oss-crypto');
    const ring = new Keyring([kmsUnwrapper(key())]);
    await assert.rejects(ring.open({ ...keys, wrappedKey: altered(keys.wrappedKey) }, () => true, 'a'), { name: 'AuthenticationError', code: 'authentication-failed' });
  });
});

describe('objects of the Python SDK', () => {
  for (const file of ['python-legacy-kms.json', 'python-new-kms.json']) {
    it(`open: ${file}`, async () => {
      const objects = vectorObjects(file);
      const server = await startDecryptServer(Object.assign({}, ...objects.map(({ kmsBlobs }) => kmsBlobs)) as Record<string, string>);
      try {
        const reader = kmsUnwrapper(key({ endpoint: server.endpoint }));
        assert.ok(objects.length > 5);
        for (const object of objects) {
          const opened = await reader.unwrap(wrappedKeysOf(object));
          assert.equal(opened?.dataKey.exportBytes().toString('hex'), object.cekHex);
          assert.equal(opened.startBlock.bytes.toString('hex'), object.ivHex);
        }
      } finally {
        await server.close();
      }
    });
  }
});

describe('an abort of whoever asks a KMS', () => {
  const longPauses = { random: () => 0.999 };
  const noPauses = { random: () => 0 };

  /** A KMS that is down, until somebody calls `mend`; `controller` aborts at the first refusal. */
  function outage(): { controller: AbortController; mend: () => void } {
    const controller = new AbortController();
    embedded.faults = () => {
      controller.abort();
      return { kind: 'answer', status: 503 };
    };
    return { controller, mend: () => { embedded.faults = () => undefined; } };
  }

  it('ends pauses and further attempts', async () => {
    const { keys } = await sealed(key(), 'oss-crypto');
    const wrapper = kmsWrapper(key(), 'oss-crypto', new KmsClient(key(), longPauses));
    const javaWrapper = kmsWrapper(key(), 'client-side-encryption', new KmsClient(key(), longPauses));
    const unwrapper = kmsUnwrapper(key(), new KmsClient(key(), longPauses));
    const operations: ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => wrapper.issueDataKey(signal),
      (signal) => javaWrapper.issueDataKey(signal),
      (signal) => wrapper.wrapStart(StartBlock.generate(), signal),
      (signal) => new SharedStart(wrapper).next(signal),
      (signal) => unwrapper.unwrap(keys, signal),
      (signal) => new Keyring([unwrapper]).until(signal).open(keys, () => true),
    ];
    for (const operation of operations) {
      embedded.records = [];
      await assert.rejects(operation(outage().controller.signal), { name: 'KmsError', code: 'interrupted' });
      assert.ok(embedded.records.length <= 2, `${embedded.records.length} requests`);
    }
  });

  it('takes nothing from others who wait for the same start', async () => {
    const object = await sealed(key(), 'oss-crypto');
    const unwrapper = kmsUnwrapper(key(), new KmsClient(key(), noPauses));
    const opening = outage();
    const aborted = assert.rejects(unwrapper.unwrap(object.keys, opening.controller.signal), { code: 'interrupted' });
    const other = unwrapper.unwrap(object.keys);
    opening.controller.signal.addEventListener('abort', opening.mend);
    assertOpened(await other, object);
    await aborted;
    const starts = new SharedStart(kmsWrapper(key(), 'oss-crypto', new KmsClient(key(), noPauses)));
    const sealing = outage();
    sealing.controller.signal.addEventListener('abort', sealing.mend);
    const [first, second] = await Promise.allSettled([starts.next(sealing.controller.signal), starts.next()]);
    assert.equal(second.status, 'fulfilled');
    assert.ok(first.status === 'fulfilled' || (first.reason as { code?: string }).code === 'interrupted');
  });
});
