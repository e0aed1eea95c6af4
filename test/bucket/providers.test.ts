import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { CryptoBucket } from '../../src/bucket/crypto-bucket.js';
import { RsaProvider } from '../../src/bucket/rsa-provider.js';
import { DataKey, StartBlock } from '../../src/format.js';
import type { CryptoProvider, KeyUnwrapper, KeyWrapper } from '../../src/index.js';
import { modelDecrypt } from '../support/model-kms.js';
import { modelOpen, type ModelKeys } from '../support/model-reader.js';
import { content } from '../support/trees.js';
import { strangersKey } from '../support/world.js';
import { openScene, SINGLE_PUT_BYTES, type Scene } from './support.js';

describe('RsaProvider', () => {
  it('makes a private key directory on first use, as the SDK does, and uses it from then on', async (t) => {
    const scene = await openScene(t);
    const directory = scene.path('deep/keys');
    await scene.bucket({ cryptoProvider: new RsaProvider({ directory }) }).putObject('a', 'x');
    assert.deepEqual(readdirSync(directory).sort(), ['.private_key.pem', '.public_key.pem']);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, '.private_key.pem')).mode & 0o777, 0o600);
    assert.equal(await (await scene.bucket({ cryptoProvider: new RsaProvider({ directory }) }).getObject('a')).text(), 'x');
    await assert.rejects(scene.bucket({ cryptoProvider: new RsaProvider({ directory, prefix: 'other' }) }).getObject('a'), { name: 'AuthenticationError' });
    assert.ok(existsSync(join(directory, 'other.private_key.pem')));
    rmSync(join(directory, '.private_key.pem'));
    const publicOnly = scene.bucket({ cryptoProvider: new RsaProvider({ directory }) });
    await publicOnly.putObject('b', 'y');
    await assert.rejects(publicOnly.getObject('b'), { name: 'MasterKeyError', code: 'master-key-missing' });
  });

  it('ends up with one pair when several come first at once', async (t) => {
    const scene = await openScene(t);
    const directory = scene.path('keys');
    const buckets = [1, 2, 3, 4].map(() => scene.bucket({ cryptoProvider: new RsaProvider({ directory }) }));
    await Promise.all(buckets.map((bucket, index) => bucket.putObject(`object-${index}`, 'x')));
    for (const index of buckets.keys()) {
      assert.equal(await (await scene.bucket({ cryptoProvider: new RsaProvider({ directory }) }).getObject(`object-${index}`)).text(), 'x');
    }
    assert.deepEqual(readdirSync(directory).sort(), ['.private_key.pem', '.public_key.pem']);
  });

  it('protects a directory with a passphrase', async (t) => {
    const scene = await openScene(t);
    const directory = scene.path('keys');
    const passphrase = 'correct horse';
    await scene.bucket({ cryptoProvider: new RsaProvider({ directory, passphrase }) }).putObject('a', 'x');
    assert.equal(await (await scene.bucket({ cryptoProvider: new RsaProvider({ directory, passphrase }) }).getObject('a')).text(), 'x');
    for (const wrong of [new RsaProvider({ directory }), new RsaProvider({ directory, passphrase: 'battery staple' })]) {
      await assert.rejects(scene.bucket({ cryptoProvider: wrong }).getObject('a'), { name: 'MasterKeyError', code: 'passphrase-wrong' });
    }
  });

  it('tries again after its directory was mended', async (t) => {
    const scene = await openScene(t);
    writeFileSync(scene.path('keys'), 'in the way');
    const bucket = scene.bucket({ cryptoProvider: new RsaProvider({ directory: scene.path('keys') }) });
    await assert.rejects(bucket.putObject('a', 'x'), { name: 'MasterKeyError' });
    rmSync(scene.path('keys'));
    await bucket.putObject('a', 'x');
    assert.equal(await (await bucket.getObject('a')).text(), 'x');
  });

  it('takes keys as text, bytes and KeyObjects', async (t) => {
    const scene = await openScene(t);
    const { publicKey, privateKey } = scene.key;
    assert.ok(privateKey);
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
    await scene.bucket({ cryptoProvider: new RsaProvider({ publicKey: publicPem }) }).putObject('a', 'x');
    const providers = [{ privateKey: pem }, { privateKey: Buffer.from(pem) }, { privateKey }, { keyPair: { privateKey: pem, publicKey: publicPem } }, { keyPair: scene.key }];
    for (const options of providers) {
      assert.equal(await (await scene.bucket({ cryptoProvider: new RsaProvider(options) }).getObject('a')).text(), 'x');
    }
  });

  it('refuses what would lose objects', async (t) => {
    const scene = await openScene(t);
    assert.throws(() => new RsaProvider({ directory: 'a', privateKey: 'b' }), TypeError);
    assert.throws(() => new RsaProvider({ passphrase: '' }), RangeError);
    const crossed = new RsaProvider({ keyPair: { privateKey: scene.key.privateKey ?? '', publicKey: strangersKey().publicKey } });
    await assert.rejects(scene.bucket({ cryptoProvider: crossed }).putObject('a', 'x'), { name: 'MasterKeyError', code: 'key-file-invalid' });
    await assert.rejects(scene.bucket({ cryptoProvider: new RsaProvider({ privateKey: 'nonsense' }) }).putObject('a', 'x'), { code: 'key-file-invalid' });
    writeFileSync(scene.path('file'), '');
    await assert.rejects(scene.bucket({ cryptoProvider: new RsaProvider({ directory: scene.path('file') }) }).putObject('a', 'x'), { name: 'MasterKeyError', code: 'key-file-invalid' });
    mkdirSync(scene.path('open'));
    writeFileSync(scene.path('open/.private_key.pem'), scene.key.privateKey?.export({ type: 'pkcs8', format: 'pem' }) ?? '', { mode: 0o644 });
    await assert.rejects(scene.bucket({ cryptoProvider: new RsaProvider({ directory: scene.path('open') }) }).putObject('a', 'x'), { code: 'key-file-unsafe' });
    await assert.rejects(scene.bucket({ cryptoProvider: [] }).putObject('a', 'x'), { name: 'MasterKeyError', code: 'master-key-missing' });
  });

  it('writes a material description when it has one, and chooses among keys by it', async (t) => {
    const scene = await openScene(t);
    const stranger = new RsaProvider({ keyPair: strangersKey(), materialDescription: { owner: 'them' } });
    const named = new RsaProvider({ keyPair: scene.key, materialDescription: { purpose: 'backup', owner: 'us' } });
    const headers = { 'oss-crypto': 'x-oss-meta-oss-matdesc', 'client-side-encryption': 'x-oss-meta-client-side-encryption-matdesc' } as const;
    for (const envelope of ['oss-crypto', 'client-side-encryption'] as const) {
      await scene.bucket({ cryptoProvider: named, envelope }).putObject('a', 'x');
      assert.equal((await scene.raw('a')).metadata[headers[envelope]], '{"owner":"us","purpose":"backup"}');
      assert.equal(await (await scene.bucket({ cryptoProvider: [stranger, named] }).getObject('a')).text(), 'x');
      await scene.bucket({ envelope }).putObject('b', 'x');
      assert.equal(headers[envelope] in (await scene.raw('b')).metadata, false);
    }
  });
});

describe('KmsProvider', () => {
  const variants = [
    { envelope: 'oss-crypto', options: {} },
    { envelope: 'oss-crypto', options: { passphrase: 'hello' }, context: '{"x-passphrase":"hello"}' },
    { envelope: 'client-side-encryption', options: {} },
    { envelope: 'client-side-encryption', options: { flavour: 'python' } },
    { envelope: 'client-side-encryption', options: { flavour: 'python', passphrase: 'hello' }, context: '{"x-passphrase":"hello"}' },
  ] as const;
  for (const { envelope, options, ...more } of variants) {
    it(`seals and opens: ${envelope} ${JSON.stringify(options)}`, async (t) => {
      const scene = await openScene(t);
      const bucket = scene.bucket({ cryptoProvider: scene.kms(options), envelope });
      for (const size of [0, 1000, SINGLE_PUT_BYTES + 1000]) {
        await bucket.putObject('a', content(size));
        const reader = scene.bucket({ cryptoProvider: [scene.rsa(), scene.kms(options)] });
        assert.ok((await (await reader.getObject('a')).buffer()).equals(content(size)));
        const { plaintext } = await modelOpen(await scene.raw('a'), kmsOf(scene, 'context' in more ? more.context : undefined));
        assert.ok(plaintext.equals(content(size)));
      }
    });
  }

  it('asks with the credentials of the bucket unless it has its own', async (t) => {
    const scene = await openScene(t);
    const { accessKeyId, accessKeySecret } = scene.cloud;
    await scene.bucket({ cryptoProvider: scene.kms({ credentials: () => Promise.resolve({ accessKeyId, accessKeySecret }) }) }).putObject('a', 'x');
    const nobody = scene.kms({ credentials: { accessKeyId: 'nobody', accessKeySecret: 'nothing' } });
    await assert.rejects(scene.bucket({ cryptoProvider: nobody }).putObject('a', 'x'), { name: 'KmsError' });
    await assert.rejects(scene.bucket({ cryptoProvider: scene.kms({ endpoint: 'http://kms.example' }) }).putObject('a', 'x'), { name: 'MasterKeyError', code: 'config-invalid' });
  });
});

describe('an abort while a KMS is asked again and again', () => {
  const LARGE = SINGLE_PUT_BYTES + 1;

  it('ends every operation', async (t) => {
    const scene = await openScene(t);
    const sealing = scene.bucket({ cryptoProvider: scene.kms() });
    await sealing.putObject('a', 'x');
    writeFileSync(scene.path('small'), 'x');
    writeFileSync(scene.path('large'), content(LARGE));
    const operations: ((bucket: CryptoBucket, signal: AbortSignal) => Promise<unknown>)[] = [
      (bucket, signal) => bucket.getObject('a', { signal }),
      (bucket, signal) => bucket.getObjectToFile('a', scene.path('saved'), { signal }),
      (bucket, signal) => bucket.putObject('b', 'x', { signal }),
      (bucket, signal) => bucket.putObject('b', Readable.from([content(LARGE)]), { signal }),
      (bucket, signal) => bucket.putObjectFromFile('b', scene.path('small'), { signal }),
      (bucket, signal) => bucket.putObjectFromFile('b', scene.path('large'), { signal }),
    ];
    for (const operation of operations) {
      const controller = new AbortController();
      scene.faults = ({ service }) => {
        if (service !== 'kms') {
          return undefined;
        }
        controller.abort();
        return { kind: 'answer', status: 503 };
      };
      await assert.rejects(operation(scene.bucket({ cryptoProvider: scene.kms() }), controller.signal), { name: 'StoreError', code: 'interrupted' });
    }
    scene.faults = () => undefined;
    assert.equal(existsSync(scene.path('saved')), false);
    assert.equal((await sealing.headObject('a')).sizeBytes, 1);
    await assert.rejects(sealing.headObject('b'), { code: 'not-found' });
  });
});

describe('options of a bucket', () => {
  it('are checked before anything is sent', () => {
    const common = { bucket: 'bucket', credentials: { accessKeyId: 'a', accessKeySecret: 'b' }, cryptoProvider: [] };
    const impossible = [
      { endpoint: 'https://storage.example' }, { endpoint: 'http://oss-cn-hangzhou.aliyuncs.com' }, { bucket: 'NO', region: 'cn-hangzhou' }, {},
      { region: 'cn-hangzhou', partBytes: 1 }, { region: 'cn-hangzhou', memoryBytes: 1 }, { region: 'cn-hangzhou', concurrency: 0 },
    ];
    for (const options of impossible) {
      assert.throws(() => new CryptoBucket({ ...common, ...options }), { name: 'SealiftError' }, JSON.stringify(options));
    }
    for (const options of [{ region: 'oss-cn-hangzhou' }, { endpoint: 'oss-cn-beijing-internal.aliyuncs.com' }, { endpoint: 'http://127.0.0.1:1' }]) {
      assert.ok(new CryptoBucket({ ...common, ...options }));
    }
  });

  it('says that a function failed to give credentials, its own or that of a provider', async (t) => {
    const scene = await openScene(t);
    const credentials = (): Promise<never> => Promise.reject(new Error('vault down'));
    for (const options of [{ credentials }, { cryptoProvider: scene.kms({ credentials }) }]) {
      await assert.rejects(scene.bucket(options).putObject('a', 'x'), { code: 'credentials-missing', message: /credentials failed: vault down$/ });
    }
  });

  it('may renew credentials, and a closed bucket opens again', async (t) => {
    const scene = await openScene(t);
    let asked = 0;
    const bucket = scene.bucket({
      credentials: (refused) => {
        asked += 1;
        const { accessKeyId, accessKeySecret } = scene.cloud;
        return Promise.resolve(refused ?? { accessKeyId, accessKeySecret });
      },
    });
    await bucket.putObject('a', 'x');
    await bucket.close();
    assert.equal(await (await bucket.getObject('a')).text(), 'x');
    assert.ok(asked > 2);
  });
});

function kmsOf({ cloud: { kms: { endpoint }, accessKeyId, accessKeySecret } }: Scene, context: string | undefined): ModelKeys {
  return { kms: modelDecrypt({ endpoint, accessKeyId, accessKeySecret, ...(context === undefined ? {} : { context }) }) };
}

describe('a provider of somebody else', () => {
  it('issues, wraps and opens with what the package exports', async (t) => {
    const scene = await openScene(t);
    const other = foreignProvider();
    for (const size of [0, 1000, SINGLE_PUT_BYTES + 1]) {
      await scene.bucket({ cryptoProvider: other }).putObject('a', content(size));
      const opened = await scene.bucket({ cryptoProvider: [scene.rsa(), other] }).getObject('a');
      assert.equal(opened.authenticated, true);
      assert.ok((await opened.buffer()).equals(content(size)));
    }
    await assert.rejects(scene.bucket({ cryptoProvider: foreignProvider() }).getObject('a'), { name: 'AuthenticationError', code: 'authentication-failed' });
  });
});

/** Keeps a key for AES-GCM where Alibaba KMS would be. */
function foreignProvider(): CryptoProvider {
  const secret = randomBytes(32);
  const wrap = (bytes: Uint8Array): string => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', secret, nonce);
    return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]).toString('base64');
  };
  const unwrap = (header: string): Buffer | null => {
    const bytes = Buffer.from(header, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, 12)).setAuthTag(bytes.subarray(-16));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    } catch {
      return null;
    }
  };
  return {
    wrapper: () => Promise.resolve<KeyWrapper>({
      wrapAlgorithm: 'kms', fingerprint: 'elsewhere', canUnwrap: true,
      issueDataKey: () => {
        const bytes = randomBytes(32);
        const wrappedKey = wrap(bytes);
        return Promise.resolve({ dataKey: DataKey.adopt(bytes), wrappedKey });
      },
      wrapStart: (start) => Promise.resolve(wrap(start.bytes)),
    }),
    unwrapper: () => Promise.resolve<KeyUnwrapper>({
      description: 'elsewhere', wrapAlgorithms: ['kms'], materialDescription: undefined,
      unwrap: ({ wrappedKey, wrappedStart }) => {
        const [dataKey, start] = [unwrap(wrappedKey), unwrap(wrappedStart)];
        return Promise.resolve(dataKey === null || start === null ? null : { dataKey: DataKey.adopt(dataKey), startBlock: StartBlock.fromBytes(start) });
      },
    }),
  };
}
