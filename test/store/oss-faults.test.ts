import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { StoreError } from '../../src/errors.js';
import type { Credentials } from '../../src/run/options.js';
import type { OssPorts } from '../../src/store/oss.js';
import type { ObjectStore } from '../../src/store/store.js';
import { SECRETS, answer, errorDocument, withServer } from './raw-server.js';
import type { Respond } from './raw-server.js';

const body = Buffer.from('the body, which no error may repeat: CanaryBody0004');
const md5 = createHash('md5').update(body).digest('hex');
const crc64 = 42n;
const good = answer(200, { ETag: `"${md5}"`, 'x-oss-hash-crc64ecma': '42' });
const put = (store: ObjectStore): Promise<unknown> => store.put('k', body, { metadata: { 'x-oss-meta-key': 'CanaryMeta0005' }, crc64 });

/** Fails unless the call fails with a StoreError that carries nothing it should not. */
async function failureOf(promise: Promise<unknown>): Promise<StoreError> {
  const error: unknown = await promise.then(() => assert.fail('expected a failure'), (reason: unknown) => reason);
  assert.ok(error instanceof StoreError, inspect(error));
  const everything = [inspect(error, { depth: Infinity, showHidden: true }), JSON.stringify(error), error.stack, String(error.cause)].join('\n');
  assert.doesNotMatch(everything, /Canary/, 'a secret, the metadata or the body stands in the error');
  assert.doesNotMatch(everything, /OSS4-HMAC/, 'an Authorization header stands in the error');
  return error;
}

function failing(respond: Respond, test: (failure: StoreError) => void, call = put, ports: OssPorts = {}): Promise<void> {
  return withServer(respond, async (store) => test(await failureOf(call(store))), ports);
}

describe('a fault on the way to OSS', () => {
  const faults: [string, Respond, string, boolean][] = [
    ['500', () => answer(500, {}, errorDocument('InternalError')), 'remote-unavailable', true],
    ['503 without a document', () => answer(503), 'remote-unavailable', true],
    ['429', () => answer(429, {}, errorDocument('TooManyRequests')), 'remote-unavailable', true],
    ['a 502 page of a gateway', () => answer(502, { 'content-type': 'text/html' }, '<html><body><h1>502 Bad Gateway</h1><p>unclosed'), 'remote-unavailable', true],
    ['a 403 page that is no XML', () => answer(403, {}, 'no'), 'access-denied', false],
    ['a redirect', () => answer(307, { location: 'http://127.0.0.1:1/' }, errorDocument('TemporaryRedirect')), 'remote-refused', false],
    ['a missing bucket', () => answer(404, {}, errorDocument('NoSuchBucket')), 'bucket-missing', false],
    ['an existing object', () => answer(409, {}, errorDocument('FileAlreadyExists')), 'exists', false],
    ['a wrong CRC-64', () => answer(200, { ETag: `"${md5}"`, 'x-oss-hash-crc64ecma': '43' }), 'checksum-mismatch', true],
    ['a CRC-64 that is no number', () => answer(200, { ETag: `"${md5}"`, 'x-oss-hash-crc64ecma': 'many' }), 'checksum-mismatch', true],
    ['a CRC-64 of 65 bits', () => answer(200, { ETag: `"${md5}"`, 'x-oss-hash-crc64ecma': '18446744073709551658' }), 'checksum-mismatch', true],
    ['a wrong ETag without CRC-64', () => answer(200, { ETag: `"${'0'.repeat(32)}"` }), 'checksum-mismatch', true],
    ['an ETag that is no MD5 without CRC-64', () => answer(200, { ETag: '"x-1"' }), 'checksum-mismatch', true],
    ['no checksum at all', () => answer(200), 'checksum-mismatch', true],
    ['a reset', (_request, socket) => void socket.resetAndDestroy(), 'remote-unavailable', true],
  ];
  for (const [name, respond, code, retryable] of faults) {
    it(`is told by ${name}`, () =>
      failing(respond, (failure) => {
        assert.deepEqual([failure.code, failure.retryable, failure.object], [code, retryable, 'oss://b-1/k']);
      }));
  }

  it('is none when the ETag is the MD5 and there is no CRC-64', () =>
    withServer(() => answer(200, { ETag: `"${md5}"` }), async (store) => {
      assert.deepEqual(await store.put('k', body, { metadata: {}, crc64: 0n }), { etag: md5, crc64: undefined });
    }));

  it('is checked for parts as for objects', () =>
    failing(() => answer(200, { ETag: `"${md5}"`, 'x-oss-hash-crc64ecma': '43' }), (failure) => {
      assert.equal(failure.code, 'checksum-mismatch');
    }, (store) => store.uploadPart({ key: 'k', uploadId: 'U', number: 1 }, body, { crc64 })));

  const waits: [string, number | undefined][] = [['3', 3000], ['Mon, 23 Nov 2026 09:00:10 GMT', 10_000], ['garbage', undefined]];
  for (const [header, expected] of waits) {
    it(`asks to wait by Retry-After: ${header}`, () =>
      failing(() => answer(503, { 'retry-after': header }), (failure) => {
        assert.equal(failure.retryAfterMs, expected);
      }, put, { now: () => Date.parse('Mon, 23 Nov 2026 09:00:00 GMT') }));
  }

  const heads: [string, number, string | undefined, string][] = [
    ['a document in a header', 403, errorDocument('SignatureDoesNotMatch'), 'access-denied'],
    ['a missing bucket in a header', 404, errorDocument('NoSuchBucket'), 'bucket-missing'],
    ['nothing', 404, undefined, 'not-found'],
    ['garbage in a header', 404, 'garbage', 'not-found'],
  ];
  for (const [name, status, document, code] of heads) {
    it(`of HEAD is told by ${name}`, () =>
      failing(() => answer(status, document === undefined ? {} : { 'x-oss-err': Buffer.from(document).toString('base64') }), (failure) => {
        assert.equal(failure.code, code);
      }, (store) => store.head('k')));
  }

  it('of GET distinguishes a missing bucket from a missing object', () =>
    failing(() => answer(404, {}, errorDocument('NoSuchBucket')), (failure) => {
      assert.equal(failure.code, 'bucket-missing');
    }, (store) => store.get('k')));

  it('of GET tells a replaced object', () =>
    failing(() => answer(412, {}, errorDocument('PreconditionFailed')), (failure) => {
      assert.deepEqual([failure.code, failure.retryable], ['replaced', false]);
    }, (store) => store.get('k', { ifMatch: 'E' })));

  it('in the middle of a body is an error of the stream', () =>
    failing((_request, socket) => {
      socket.write(answer(200, { 'content-length': 10 }, 'abc'), () => socket.resetAndDestroy());
      return undefined;
    }, (failure) => {
      assert.deepEqual([failure.code, failure.retryable, failure.object], ['remote-unavailable', true, 'oss://b-1/k']);
    }, async (store) => buffer((await store.get('k')).body)));

  it('is told by an abort', async () => {
    const abort = new AbortController();
    await failing(() => {
      abort.abort(new Error('CanaryReason0006'));
      return undefined;
    }, (failure) => {
      assert.deepEqual([failure.code, failure.retryable], ['interrupted', false]);
    }, (store) => store.put('k', body, { metadata: {}, crc64, signal: abort.signal }));
  });

  it('never repeats secrets, even when the server does', () =>
    failing(({ headers }) => answer(403, {}, errorDocument(
      'AccessDenied', `${Object.values(headers).join(' ')} ${SECRETS.accessKeySecret}`, `<Endpoint>${SECRETS.securityToken}</Endpoint>`,
    )), (failure) => {
      assert.equal(failure.code, 'access-denied');
    }, (store) => store.put('k', body, { metadata: {}, crc64 })));
});

describe('an answer cut at any byte', () => {
  const headers = { ETag: `"${md5}"`, 'x-oss-hash-crc64ecma': '42', 'x-oss-version-id': 'V1' };
  const closing = { ...headers, connection: 'close' };
  const cuts: [string, Buffer, (store: ObjectStore) => Promise<unknown>][] = [
    ['put', answer(200, headers), put],
    ['put on a closing connection', answer(200, closing), put],
    ['get', answer(200, headers, 'content of the object'), async (store) => buffer((await store.get('k')).body)],
    ['get on a closing connection', answer(200, closing, 'content of the object'), async (store) => buffer((await store.get('k')).body)],
    ['list', answer(200, headers, '<R><IsTruncated>false</IsTruncated></R>'), (store) => store.list('')],
    ['list of unknown length', Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<R><IsTruncated>false</IsTruncated></R>'), (store) => store.list('')],
  ];
  for (const [name, whole, call] of cuts) {
    it(`is no success of ${name}, and may be tried again`, () =>
      withServer((_request, socket, index) => void socket.end(whole.subarray(0, index)), async (store, server) => {
        while (server.requests.length < whole.length) {
          const failure = await failureOf(call(store));
          assert.deepEqual([failure.code, failure.retryable], ['remote-unavailable', true], `cut after ${server.requests.length - 1} bytes`);
        }
        await call(store);
      }));
  }
});

describe('an expired token', () => {
  const expired = answer(403, {}, errorDocument('SecurityTokenExpired'));
  const renewed: Credentials = { ...SECRETS, securityToken: 'CanaryNew0007' };

  it('is renewed once, and the same bytes are sent again', () =>
    withServer(({ headers }) => (headers['x-oss-security-token'] === renewed.securityToken ? good : expired), async (store, server) => {
      await put(store);
      assert.equal(server.requests.length, 2);
      assert.ok(server.requests.every((request) => request.body.equals(body)));
    }, { credentials: (refused) => Promise.resolve(refused === undefined ? SECRETS : renewed) }));

  it('fails the request when there is no other', () =>
    withServer(() => expired, async (store, server) => {
      const failure = await failureOf(put(store));
      assert.deepEqual([failure.code, failure.retryable, server.requests.length], ['credentials-expired', false, 1]);
    }));

  it('fails the request when the new one is refused too', () =>
    withServer(() => expired, async (store, server) => {
      assert.equal((await failureOf(put(store))).code, 'credentials-expired');
      assert.equal(server.requests.length, 2);
    }, { credentials: (refused) => Promise.resolve(refused === undefined ? SECRETS : renewed) }));

  it('is never mixed with the key of another set', () => {
    const sets = ['A', 'B', 'C'].map((name) => ({ accessKeyId: `id${name}`, accessKeySecret: `secret${name}`, securityToken: `token${name}` }));
    let turn = 0;
    return withServer(() => good, async (store, server) => {
      await Promise.all(Array.from({ length: 30 }, () => put(store)));
      for (const { headers } of server.requests) {
        const name = /Credential=id(.)\//.exec(headers['authorization'] ?? '')?.[1] ?? assert.fail();
        assert.equal(headers['x-oss-security-token'], `token${name}`);
      }
    }, { credentials: () => Promise.resolve(sets[turn++ % sets.length] ?? assert.fail()) });
  });
});

describe('a wrong clock', () => {
  const skewed = (date: string): Buffer => answer(403, date === '' ? {} : { date }, errorDocument('RequestTimeTooSkewed'));

  it('is corrected by the server date, once for all requests', () => {
    const notices: string[] = [];
    const ahead = new Date(Date.now() + 20 * 60_000);
    return withServer(({ headers }) => (isNear(headers['x-oss-date'], ahead) ? good : skewed(ahead.toUTCString())), async (store, server) => {
      await put(store);
      await put(store);
      assert.equal(server.requests.length, 3);
      assert.deepEqual(notices, ['the clock of this machine is 20 minutes slow; requests are dated by the server\'s']);
    }, { onNotice: (message) => notices.push(message) });
  });

  it('is reported when it cannot be corrected', () =>
    failing(() => skewed(''), (failure) => {
      assert.deepEqual([failure.code, failure.retryable], ['clock-skew', false]);
      assert.match(failure.remedy ?? '', /Set the clock/);
    }));

  it('is reported when the correction does not help', () =>
    failing(() => skewed(new Date().toUTCString()), (failure) => {
      assert.equal(failure.code, 'clock-skew');
    }));
});

function isNear(basicDate: string | undefined, expected: Date): boolean {
  const iso = (basicDate ?? '').replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5');
  return Math.abs(Date.parse(iso) - expected.getTime()) < 60_000;
}
