import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { beforeEach, describe, it } from 'node:test';
import { isRunFatal, type ErrorCode, type KmsError } from '../../src/errors.js';
import { MAX_KMS_QPS, RETRY_CAP_MS, RETRY_TOTAL_MS } from '../../src/limits.js';
import { KmsClient, type KmsPorts, type KmsServer } from '../../src/keys/kms-client.js';
import { KmsFailure, kmsFailure } from '../../src/keys/kms-failures.js';
import type { Fault } from '../../src/local/cloud.js';
import { selfSigned } from '../support/certificates.js';
import { kmsCloud } from './kms-cloud.js';
import { startStandIn } from './stand-in-kms.js';

const CANARY = 'Q0FOQVJZLWtleS1ieXRlcw==';

const embedded = kmsCloud();
const server = (details: Partial<KmsServer> = {}): KmsServer => embedded.key(details);
let faults: (Fault | undefined)[] = [];
beforeEach(() => {
  faults = [];
  embedded.faults = () => faults.shift();
});

/** Time that only sleeping moves, and pauses of full length. */
function ports(details: KmsPorts = {}): KmsPorts & { slept: number[] } {
  let time = 0;
  const slept: number[] = [];
  const sleep = (ms: number) => {
    slept.push(ms);
    time += ms;
    return Promise.resolve();
  };
  return { slept, random: () => 0.999, now: () => time, sleep, ...details };
}

const answer = (status: number, code?: string): Fault => ({ kind: 'answer', status, ...(code === undefined ? {} : { code }) });

describe('KmsClient', () => {
  it('sends what it is told in the form body and nothing of it in the URL', async () => {
    const standIn = await startStandIn(() => ({ status: 200, body: JSON.stringify({ CiphertextBlob: 'Zm9v' }) }));
    try {
      const client = new KmsClient(server({ endpoint: standIn.endpoint, keyId: 'key-1', credentials: { accessKeyId: 'A', accessKeySecret: 'B' } }), ports());
      assert.equal((await client.encrypt(CANARY, '{"x-passphrase":"p"}')).blob, 'Zm9v');
      const [request] = standIn.seen;
      assert.deepEqual(Object.fromEntries(request?.form ?? []), { KeyId: 'key-1', Plaintext: CANARY, EncryptionContext: '{"x-passphrase":"p"}' });
      assert.doesNotMatch(request?.url ?? '', /Plaintext|&KeyId=|passphrase|CANARY|Q0FO/);
      assert.match(request?.url ?? '', /Action=Encrypt/);
    } finally {
      await standIn.close();
    }
  });

  it('makes an AES-256 key of 32 bytes and opens it again', async () => {
    const client = new KmsClient(server(), ports());
    const { plaintext, blob } = await client.generateDataKey('{"a":"b"}');
    assert.equal(plaintext.length, 32);
    assert.equal((await client.decrypt(blob, '{"a":"b"}')).plaintext, plaintext.toString('base64'));
    await assert.rejects(client.decrypt(blob, '{"a":"c"}'), (error: KmsFailure) => error.kind === 'unopenable');
  });

  for (const [name, fault] of [
    ['throttling', answer(400, 'Rejected.Throttling')], ['throttling of the gateway', answer(400, 'Throttling.User')], ['429', answer(429)],
    ['an internal failure', answer(500, 'InternalFailure')], ['503', answer(503, 'ServiceUnavailableTemporary')],
    ['a gateway page', { kind: 'answer', status: 503, body: '<html>' }], ['a gateway page that says 200', { kind: 'answer', status: 200, body: '<html>' }],
    ['an answer without the field', { kind: 'answer', status: 200, body: '{}' }], ['a cut connection', { kind: 'reset' }],
    ['an answer that is cut off', { kind: 'truncate', afterBytes: 5 }], ['a lost answer', { kind: 'lose-answer' }],
  ] as const satisfies readonly (readonly [string, Fault])[]) {
    it(`tries again after ${name}, with growing pauses`, async () => {
      faults = [fault, fault, undefined];
      const outside = ports();
      assert.match((await new KmsClient(server(), outside).encrypt('AAAA', undefined)).blob, /^[\w+/=]+$/);
      assert.equal(embedded.records.length, 3);
      assert.deepEqual(outside.slept.map((ms) => Math.round(ms)), [200, 400]);
    });
  }

  it('gives up after fifteen minutes, names the last reason and repeats nothing of the request', async () => {
    faults = Array.from({ length: 200 }, () => answer(503, 'ServiceUnavailableTemporary'));
    const outside = ports();
    await assert.rejects(new KmsClient(server(), outside).encrypt(CANARY, undefined), (error: KmsError) => {
      assert.equal(error.code, 'kms-unavailable');
      assert.equal(error.exitCode, 9);
      assert.equal(error.status, 503);
      assert.match(error.message, /^KMS key [\w-]+: Encrypt refused \(ServiceUnavailableTemporary, request/);
      assert.doesNotMatch(JSON.stringify([error, error.message, error.stack, error.cause]), /Q0FO/);
      return true;
    });
    const total = outside.slept.reduce((sum, ms) => sum + ms, 0);
    assert.ok(total <= RETRY_TOTAL_MS && total > RETRY_TOTAL_MS - RETRY_CAP_MS, `slept ${total} ms`);
    assert.ok(Math.max(...outside.slept) <= RETRY_CAP_MS);
  });

  it('spreads its pauses at random from zero', async () => {
    faults = [answer(500), answer(500), undefined];
    const pauses: number[] = [];
    const outside = ports({ random: () => 0, onRetry: (_, pauseMs) => pauses.push(pauseMs) });
    await new KmsClient(server(), outside).encrypt('AAAA', undefined);
    assert.deepEqual(pauses, [0, 0]);
  });

  for (const [code, status, expected] of [
    ['Rejected.Disabled', 409, 'kms-refused'], ['Rejected.PendingDeletion', 409, 'kms-refused'], ['Forbidden.KeyNotFound', 404, 'kms-refused'],
    ['Forbidden.NoPermission', 403, 'kms-refused'], ['UnsupportedOperation', 400, 'kms-refused'], ['SomethingNew', 400, 'kms-refused'],
    ['SignatureDoesNotMatch', 400, 'access-denied'], ['InvalidAccessKeyId.NotFound', 404, 'access-denied'], ['InvalidTimeStamp.Expired', 400, 'clock-skew'],
    ['InvalidSecurityToken.Expired', 400, 'credentials-expired'],
  ] as const satisfies readonly (readonly [string, number, ErrorCode])[]) {
    it(`stops at once on ${code}`, async () => {
      faults = [answer(status, code)];
      await assert.rejects(new KmsClient(server(), ports()).encrypt(CANARY, undefined), (error: KmsError) => {
        assert.equal(error.name, 'KmsError');
        assert.equal(error.code, expected);
        assert.equal(error.exitCode, 5);
        assert.ok(isRunFatal(error.code));
        assert.equal(error.object, embedded.cloud.kms.keyId);
        assert.ok(error.message.includes(code) && (error.remedy ?? '').length > 10);
        return !error.retryable;
      });
      assert.equal(embedded.records.length, 1);
    });
  }

  it('says which blob problems may be the object and which key problems are not', async () => {
    const client = new KmsClient(server(), ports());
    for (const [code, kind] of [['InvalidCiphertext', 'unopenable'], ['InvalidParameter', 'unopenable'], ['Forbidden.KeyNotFound', 'unknown-key']] as const) {
      faults = [answer(400, code), answer(400, code)];
      await assert.rejects(client.decrypt('AAAA', undefined), (error: KmsFailure) => error.kind === kind && error.code === 'kms-refused');
      await assert.rejects(client.encrypt('AAAA', undefined), (error: KmsFailure) => error.kind === 'final');
    }
  });

  it('is refused for a wrong secret by the signature that the server checks', async () => {
    const credentials = { accessKeyId: embedded.cloud.accessKeyId, accessKeySecret: 'wrong' };
    await assert.rejects(new KmsClient(server({ credentials }), ports()).encrypt('AAAA', undefined), { code: 'access-denied' });
  });

  it('signs with temporary credentials, and once more with renewed ones', async () => {
    const first = embedded.cloud.issueCredentials(60_000);
    const second = embedded.cloud.issueCredentials(60_000);
    const asked: unknown[] = [];
    const credentials = (refused?: unknown) => {
      asked.push(refused);
      return Promise.resolve(refused === undefined && asked.length < 3 ? first : second);
    };
    const client = new KmsClient(server(), ports({ credentials }));
    await client.encrypt('AAAA', undefined);
    embedded.cloud.expireCredentials(first.accessKeyId);
    await client.encrypt('AAAA', undefined);
    assert.deepEqual(asked, [undefined, undefined, first]);
    assert.deepEqual(embedded.records.map(({ accessKeyId }) => accessKeyId), [first.accessKeyId, first.accessKeyId, second.accessKeyId]);
  });

  it('stops clean when nobody can renew', async () => {
    const expired = embedded.cloud.issueCredentials(60_000);
    embedded.cloud.expireCredentials(expired.accessKeyId);
    await assert.rejects(new KmsClient(server({ credentials: expired }), ports()).encrypt('AAAA', undefined), { code: 'credentials-expired' });
    assert.equal(embedded.records.length, 1);
  });

  it('sends nothing after an abort, and ends a pause', async () => {
    const controller = new AbortController();
    faults = Array.from({ length: 9 }, () => answer(503));
    const client = new KmsClient(server(), { signal: controller.signal, random: () => 0.999 });
    const call = client.encrypt('AAAA', undefined);
    controller.abort();
    await assert.rejects(call, { name: 'KmsError', code: 'interrupted', exitCode: 130 });
    await assert.rejects(client.encrypt('AAAA', undefined), { code: 'interrupted' });
    assert.ok(embedded.records.length <= 1);
  });

  it('wants https unless the endpoint is a loopback address', () => {
    for (const endpoint of ['kms.cn-hangzhou.aliyuncs.com', 'https://kms.cn-hangzhou.aliyuncs.com', 'http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1']) {
      assert.ok(new KmsClient(server({ endpoint })));
    }
    for (const endpoint of ['http://kms.cn-hangzhou.aliyuncs.com', 'http://127.0.0.1.evil.com', 'ftp://localhost', 'http://10.0.0.1', '', 'https://u:CANARY@h', 'https://h/path', 'https://h?q=1']) {
      assert.throws(() => new KmsClient(server({ endpoint })), (error: Error) => {
        assert.doesNotMatch(error.message, /CANARY/);
        return 'code' in error && error.code === 'config-invalid';
      }, endpoint);
    }
  });

  it('takes a rate that can be kept, and keeps its share of it', async () => {
    for (const callsPerSecond of [0, 0.5, -1, NaN, Infinity, MAX_KMS_QPS + 1]) {
      assert.throws(() => new KmsClient(server({ callsPerSecond })), { name: 'MasterKeyError', code: 'config-invalid', message: /calls per second/ }, String(callsPerSecond));
    }
    const outside = ports({ rateShare: 0.125 });
    const client = new KmsClient(server({ callsPerSecond: 1 }), outside);
    await client.encrypt('AAAA', undefined);
    await client.encrypt('AAAA', undefined);
    assert.deepEqual(outside.slept, [8000]);
  });

  it('asks no server whose certificate nobody vouches for, even when Node is told not to look', async () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    let asked = 0;
    const untrusted = createTlsServer({ key, cert: selfSigned(key) }, (_request, response) => {
      asked += 1;
      response.end(JSON.stringify({ Plaintext: Buffer.alloc(32, 1).toString('base64'), CiphertextBlob: 'Zm9v' }));
    });
    await new Promise<void>((resolve) => untrusted.listen(0, '127.0.0.1', resolve));
    const endpoint = `https://localhost:${(untrusted.address() as AddressInfo).port}`;
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const call = new KmsClient(server({ endpoint }), ports()).generateDataKey(undefined);
      await assert.rejects(call, { name: 'KmsError', code: 'kms-unavailable', retryable: false, message: /cannot be trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/ });
      assert.equal(asked, 0);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      untrusted.close();
    }
  });

  it('tries a refused connection again and scrubs the error of the client', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const address = closed.address();
    assert.ok(typeof address === 'object' && address !== null);
    await new Promise((resolve) => closed.close(resolve));
    const outside = ports();
    const credentials = { accessKeyId: 'ID', accessKeySecret: 'SECRET', securityToken: CANARY };
    await assert.rejects(new KmsClient(server({ endpoint: `http://127.0.0.1:${address.port}`, credentials }), outside).decrypt(CANARY, undefined), (error: KmsError) => {
      assert.match(error.message, /ECONNREFUSED\) at http:\/\/127\.0\.0\.1:\d+, which is asked through no proxy$/);
      assert.doesNotMatch(JSON.stringify([error, error.message, error.stack, error.cause]), /Q0FO|SECRET|Signature/);
      return error.code === 'kms-unavailable' && error.cause === undefined;
    });
    assert.ok(outside.slept.length > 10);
  });
});

describe('kmsFailure', () => {
  const call = { action: 'Decrypt', keyId: 'key-1', origin: 'https://kms.example' };

  it('keeps nothing of an error but a code it recognises as one', () => {
    const hostile = Object.assign(new Error(`code: 500, ${CANARY}`), { code: `${CANARY} Error`, data: { Code: CANARY, RequestId: `${CANARY}\n` } });
    const failure = kmsFailure(hostile, call);
    assert.doesNotMatch(JSON.stringify([failure, failure.message, failure.stack, failure.cause]), /Q0FO/);
    assert.match(failure.message, /no code/);
    assert.equal(failure.kind, 'transient');
  });

  it('does not try again what TLS refuses', () => {
    const failure = kmsFailure(Object.assign(new Error(CANARY), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), call);
    assert.equal(failure.retryable, false);
    assert.match(failure.remedy ?? '', /NODE_EXTRA_CA_CERTS/);
  });

  it('takes anything that can be thrown', () => {
    for (const thrown of [undefined, null, 'text', 7, {}, new Error(CANARY), new TypeError(CANARY)]) {
      const failure = kmsFailure(thrown, call);
      assert.ok(failure instanceof KmsFailure);
      assert.doesNotMatch(failure.message, /Q0FO/);
    }
  });
});
