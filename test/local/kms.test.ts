import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, it, type TestContext } from 'node:test';
import { type LocalCloud, startLocalCloud } from '../../src/local/cloud.js';
import { startCloud } from './support.js';

type Answer = { readonly status: number } & Readonly<Record<string, string | number>>;

interface Signing {
  readonly secret?: string;
  readonly timestamp?: Date;
  readonly nonce?: string;
  /** Parameters sent in a form body instead of the query. */
  readonly inBody?: boolean;
  /** Changed after signing. */
  readonly tampered?: Readonly<Record<string, string>>;
}

const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/gu, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** A request by the RPC recipe, on its own: nothing here comes from src/local. */
async function call(cloud: LocalCloud, parameters: Readonly<Record<string, string>>, signing: Signing = {}): Promise<Answer> {
  const all: Record<string, string> = {
    Format: 'json', Version: '2016-01-20', SignatureMethod: 'HMAC-SHA1', SignatureVersion: '1.0', AccessKeyId: cloud.accessKeyId,
    Timestamp: (signing.timestamp ?? new Date()).toISOString().replace(/\.\d+/u, ''), SignatureNonce: signing.nonce ?? randomUUID(), ...parameters,
  };
  const pairs = Object.keys(all).sort().map((name) => `${encode(name)}=${encode(all[name] ?? '')}`).join('&');
  const Signature = createHmac('sha1', `${signing.secret ?? cloud.accessKeySecret}&`).update(`POST&%2F&${encode(pairs)}`).digest('base64');
  const sent = new URLSearchParams({ ...all, Signature, ...signing.tampered }).toString();
  const response = await (signing.inBody === true
    ? fetch(cloud.kms.endpoint, { method: 'POST', body: sent, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    : fetch(`${cloud.kms.endpoint}/?${sent}`, { method: 'POST' }));
  return { status: response.status, ...((await response.json()) as Record<string, string>) };
}

async function code(answer: Promise<Answer>): Promise<string> {
  const { status, Code = 'OK' } = await answer;
  return `${status} ${Code}`;
}

async function started(test: TestContext) {
  const { cloud, dataDirectory, records } = await startCloud(test);
  return { cloud, dataDirectory, records, KeyId: cloud.kms.keyId };
}

interface KmsClient {
  generateDataKeyEx(request: object, runtime: object): Promise<Record<string, string>>;
  encryptEx(request: object, runtime: object): Promise<Record<string, string>>;
  decryptEx(request: object, runtime: object): Promise<Record<string, string>>;
  doRequest(...args: unknown[]): Promise<Record<string, string>>;
}

/** The real client, which is CommonJS and declares its map parameters in a way that the service does not document. */
function realClient(cloud: LocalCloud, credentials: object = { accessKeyId: cloud.accessKeyId, accessKeySecret: cloud.accessKeySecret }) {
  const require = createRequire(import.meta.url);
  const kms = require('@alicloud/kms20160120') as Record<'default' | 'GenerateDataKeyRequest' | 'EncryptRequest' | 'DecryptRequest', new (options: object) => object>;
  const { Config } = require('@alicloud/rpc-client') as { Config: new (options: object) => object };
  const { RuntimeOptions } = require('@alicloud/tea-util') as { RuntimeOptions: new (options: object) => object };
  const client = new kms.default(new Config({ ...credentials, regionId: 'cn-hangzhou', protocol: 'http', endpoint: new URL(cloud.kms.endpoint).host })) as KmsClient;
  return { client, kms, runtime: new RuntimeOptions({ readTimeout: 5000, connectTimeout: 5000 }) };
}

describe('the embedded KMS', () => {
  it('serves the real client, with parameters in the query and in the body', async (test) => {
    const { cloud, KeyId } = await started(test);
    const { client, kms, runtime } = realClient(cloud);
    const encryptionContext = JSON.stringify({ bucket: 'b-1', 'x-passphrase': '日 &=+"' });
    const generated = await client.generateDataKeyEx(new kms.GenerateDataKeyRequest({ keyId: 'alias/sealift', keySpec: 'AES_256', encryptionContext }), runtime);
    assert.equal(Buffer.from(generated['plaintext'] ?? '', 'base64').length, 32);
    assert.equal(generated['keyId'], KeyId);
    const opened = await client.decryptEx(new kms.DecryptRequest({ ciphertextBlob: generated['ciphertextBlob'], encryptionContext }), runtime);
    assert.equal(opened['plaintext'], generated['plaintext']);
    const form = { KeyId, Plaintext: 'MTIzNA==', EncryptionContext: encryptionContext };
    const sealed = await client.doRequest('Encrypt', 'HTTP', 'POST', '2016-01-20', 'AK', null, form, runtime);
    const back = await client.decryptEx(new kms.DecryptRequest({ ciphertextBlob: sealed['CiphertextBlob'], encryptionContext }), runtime);
    assert.equal(back['plaintext'], 'MTIzNA==');
    await assert.rejects(client.decryptEx(new kms.DecryptRequest({ ciphertextBlob: sealed['CiphertextBlob'] }), runtime), { code: 'InvalidCiphertextError' });
  });

  it('takes temporary credentials until they expire', async (test) => {
    const { cloud, KeyId } = await started(test);
    const token = cloud.issueCredentials(60_000);
    const { client, kms, runtime } = realClient(cloud, token);
    const request = () => client.encryptEx(new kms.EncryptRequest({ keyId: KeyId, plaintext: 'QQ==' }), runtime);
    await request();
    cloud.expireCredentials(token.accessKeyId);
    await assert.rejects(request(), { code: 'InvalidSecurityToken.ExpiredError' });
    const wrong = realClient(cloud, { ...cloud.issueCredentials(60_000), securityToken: 'other' });
    await assert.rejects(wrong.client.decryptEx(new kms.DecryptRequest({ ciphertextBlob: 'QQ==' }), runtime), { code: 'InvalidSecurityToken.MismatchWithAccessKeyError' });
  });

  it('binds a blob to its key, its bytes and its context', async (test) => {
    const { cloud, KeyId } = await started(test);
    const context = { a: '1', b: '2' };
    const { CiphertextBlob } = await call(cloud, { Action: 'Encrypt', KeyId, Plaintext: '3', EncryptionContext: JSON.stringify(context) });
    const blob = String(CiphertextBlob);
    const decrypt = (given: Record<string, string>) => call(cloud, { Action: 'Decrypt', CiphertextBlob: blob, EncryptionContext: JSON.stringify(context), ...given }, { inBody: true });
    assert.equal((await decrypt({}))['Plaintext'], '3');
    assert.equal((await decrypt({ EncryptionContext: '{"b":"2","a":"1"}' }))['Plaintext'], '3');
    assert.equal((await call(cloud, { Action: 'Decrypt', CiphertextBlob: blob, 'EncryptionContext.a': '1', 'EncryptionContext.b': '2' }))['Plaintext'], '3');
    for (const EncryptionContext of ['{}', '{"a":"1"}', '{"a":"1","b":"3"}', '{"a":"1","b":"2","c":""}']) {
      assert.equal(await code(decrypt({ EncryptionContext })), '400 InvalidCiphertext');
    }
    for (const EncryptionContext of ['no json', '[]', '{"a":1}']) {
      assert.equal(await code(decrypt({ EncryptionContext })), '400 InvalidParameter');
    }
    const bytes = Buffer.from(blob, 'base64');
    for (const at of bytes.keys()) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 1;
      const expected = at >= 1 && at <= 36 ? '404 Forbidden.KeyNotFound' : '400 InvalidCiphertext';
      assert.equal(await code(decrypt({ CiphertextBlob: altered.toString('base64') })), expected, `byte ${at}`);
    }
    assert.equal(await code(decrypt({ CiphertextBlob: bytes.subarray(0, 40).toString('base64') })), '400 InvalidCiphertext');
  });

  it('makes data keys of the sizes that KMS offers, never the same twice', async (test) => {
    const { cloud, KeyId } = await started(test);
    const generate = (given: Record<string, string>) => call(cloud, { Action: 'GenerateDataKey', KeyId, ...given });
    const size = async (given: Record<string, string>) => Buffer.from(String((await generate(given))['Plaintext']), 'base64').length;
    assert.deepEqual([await size({}), await size({ KeySpec: 'AES_128' }), await size({ NumberOfBytes: '1024' })], [32, 16, 1024]);
    assert.notEqual((await generate({}))['Plaintext'], (await generate({}))['Plaintext']);
    for (const given of [{ KeySpec: 'AES_512' }, { NumberOfBytes: '0' }, { NumberOfBytes: '1025' }, { NumberOfBytes: 'x' }]) {
      assert.equal(await code(generate(given)), '400 InvalidParameter');
    }
    assert.equal(await code(call(cloud, { Action: 'Encrypt', KeyId, Plaintext: 'x'.repeat(6145) }, { inBody: true })), '400 InvalidParameter');
  });

  it('refuses wrong signatures, replays, old requests and unknown keys', async (test) => {
    const { cloud, KeyId } = await started(test);
    const good = { Action: 'Encrypt', KeyId, Plaintext: 'QQ==' };
    for (const inBody of [false, true]) {
      assert.equal(await code(call(cloud, good, { inBody, secret: 'wrong' })), '400 SignatureDoesNotMatch');
      assert.equal(await code(call(cloud, good, { inBody, tampered: { Plaintext: 'QQ=' } })), '400 SignatureDoesNotMatch');
      assert.equal(await code(call(cloud, good, { inBody, tampered: { Extra: '1' } })), '400 SignatureDoesNotMatch');
      assert.equal(await code(call(cloud, good, { inBody, nonce: `fixed ${String(inBody)}` })), '200 OK');
      assert.equal(await code(call(cloud, good, { inBody, nonce: `fixed ${String(inBody)}` })), '400 SignatureNonceUsed');
    }
    for (const minutes of [-16, 16]) {
      assert.equal(await code(call(cloud, good, { timestamp: new Date(Date.now() + minutes * 60_000) })), '400 InvalidTimeStamp.Expired');
    }
    assert.equal(await code(call(cloud, { ...good, AccessKeyId: 'NOBODY' })), '404 InvalidAccessKeyId.NotFound');
    assert.equal(await code(call(cloud, { ...good, SignatureMethod: 'none' })), '400 InvalidParameter');
    assert.equal(await code(call(cloud, { ...good, KeyId: 'alias/none' })), '404 Forbidden.KeyNotFound');
    assert.equal(await code(call(cloud, { Action: 'Encrypt', KeyId })), '400 MissingPlaintext');
    assert.equal(await code(call(cloud, { ...good, Action: 'ScheduleKeyDeletion' })), '404 InvalidAction.NotFound');
  });

  it('keeps its keys, and which are disabled, over a restart', async (test) => {
    const { cloud, dataDirectory, KeyId } = await started(test);
    const other = cloud.createKmsKey('alias/other');
    const { CiphertextBlob } = await call(cloud, { Action: 'Encrypt', KeyId, Plaintext: 'QQ==' });
    const sealed = await call(cloud, { Action: 'Encrypt', KeyId: 'alias/other', Plaintext: 'QQ==' });
    cloud.setKmsKeyEnabled(KeyId, false);
    assert.throws(() => cloud.setKmsKeyEnabled('absent', false));
    await cloud.close();
    const again = await startLocalCloud({ dataDirectory });
    test.after(() => again.close());
    assert.equal(again.kms.keyId, KeyId);
    const decrypt = () => call(again, { Action: 'Decrypt', CiphertextBlob: String(CiphertextBlob) });
    assert.equal(await code(decrypt()), '409 Rejected.Disabled');
    assert.equal(await code(call(again, { Action: 'GenerateDataKey', KeyId })), '409 Rejected.Disabled');
    const opened = await call(again, { Action: 'Decrypt', CiphertextBlob: String(sealed['CiphertextBlob']) });
    assert.deepEqual([opened['KeyId'], opened['Plaintext']], [other, 'QQ==']);
    again.setKmsKeyEnabled('alias/sealift', true);
    assert.equal((await decrypt())['Plaintext'], 'QQ==');
  });

  it('suffers faults as OSS does, and logs nothing secret', async (test) => {
    const { cloud, records } = await startCloud(test, {
      kmsLatencyMs: 1,
      faults: ({ sequence }) => (sequence === 1 ? { kind: 'answer', status: 429, code: 'Rejected.Throttling', message: 'QPS Limit Exceeded' } : undefined),
    });
    const parameters = { Action: 'Encrypt', KeyId: cloud.kms.keyId, Plaintext: 'c2VjcmV0' };
    assert.equal(await code(call(cloud, parameters)), '429 Rejected.Throttling');
    assert.equal(await code(call(cloud, parameters)), '200 OK');
    assert.deepEqual(records.map(({ service, operation, status }) => [service, operation, status]), [['kms', 'Encrypt', 429], ['kms', 'Encrypt', 200]]);
    assert.doesNotMatch(JSON.stringify(records), /c2VjcmV0/u);
  });
});
