import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRetryAfter, refusalError } from '../../src/store/oss-errors.js';
import type { ErrorDocument, Refusal } from '../../src/store/oss-errors.js';

const now = Date.parse('Mon, 23 Nov 2026 09:00:00 GMT');
const empty: ErrorDocument = { code: undefined, message: undefined, requestId: undefined, endpoint: undefined };

function refused(status: number, document: Partial<ErrorDocument> = {}, rest: Partial<Refusal> = {}): ReturnType<typeof refusalError> {
  return refusalError({ object: 'oss://b-1/k', status, headers: {}, document: { ...empty, ...document }, secrets: [], now, ...rest });
}

describe('a refusal', () => {
  const meanings: [number, string | undefined, string, boolean][] = [
    [404, 'NoSuchBucket', 'bucket-missing', false],
    [404, 'NoSuchKey', 'not-found', false],
    [404, 'NoSuchUpload', 'not-found', false],
    [404, undefined, 'not-found', false],
    [403, 'AccessDenied', 'access-denied', false],
    [403, 'SignatureDoesNotMatch', 'access-denied', false],
    [403, 'InvalidAccessKeyId', 'access-denied', false],
    [403, undefined, 'access-denied', false],
    [401, undefined, 'access-denied', false],
    [403, 'SecurityTokenExpired', 'credentials-expired', false],
    [403, 'InvalidSecurityToken', 'credentials-expired', false],
    [403, 'RequestTimeTooSkewed', 'clock-skew', false],
    [403, 'InvalidObjectState', 'remote-refused', false],
    [409, 'FileAlreadyExists', 'exists', false],
    [409, 'BucketNotEmpty', 'remote-refused', false],
    [412, 'PreconditionFailed', 'replaced', false],
    [412, undefined, 'replaced', false],
    [416, 'InvalidRange', 'remote-refused', false],
    [400, 'InvalidDigest', 'checksum-mismatch', true],
    [400, 'RequestTimeout', 'remote-unavailable', true],
    [400, 'InvalidObjectName', 'name-invalid', false],
    [400, 'Whatever', 'remote-refused', false],
    [400, 'constructor', 'remote-refused', false],
    [408, undefined, 'remote-unavailable', true],
    [429, undefined, 'remote-unavailable', true],
    [500, 'InternalError', 'remote-unavailable', true],
    [502, undefined, 'remote-unavailable', true],
    [503, 'SlowDown', 'remote-unavailable', true],
    [503, 'AccessDenied', 'remote-unavailable', true],
    [504, undefined, 'remote-unavailable', true],
    [501, 'NotImplemented', 'remote-refused', false],
    [301, undefined, 'remote-refused', false],
    [307, 'TemporaryRedirect', 'remote-refused', false],
    [304, undefined, 'remote-refused', false],
  ];
  for (const [status, code, expected, retryable] of meanings) {
    it(`with ${status} ${code ?? ''} means ${expected}`, () => {
      const error = refused(status, { code });
      assert.deepEqual([error.code, error.retryable, error.status, error.object], [expected, retryable, status, 'oss://b-1/k']);
      assert.equal(error.name, 'StoreError');
    });
  }

  it('names the object, the status, the code, the request and a way out', () => {
    const error = refused(403, { code: 'SignatureDoesNotMatch', message: 'The signature differs.', requestId: 'R1' });
    assert.equal(error.message, 'oss://b-1/k: the signature does not match (HTTP 403, SignatureDoesNotMatch, The signature differs., request R1)');
    assert.match(error.remedy ?? '', /region/);
  });

  it('takes the request id from the header when there is no document', () => {
    assert.match(refused(500, {}, { headers: { 'x-oss-request-id': 'R2' } }).message, /request R2/);
  });

  it('points to the right endpoint', () => {
    assert.match(refused(403, { code: 'AccessDenied', endpoint: 'oss-cn-beijing.aliyuncs.com' }).remedy ?? '', /oss-cn-beijing\.aliyuncs\.com/);
  });

  it('repeats no secret, no signature, and only one short line of the server', () => {
    const message = `token T0KEN with Signature=0123456789abcdef\u0000\u001b[31m\nand \u202Emore ${'x'.repeat(500)}`;
    const error = refused(403, { message, endpoint: 'T0KEN.example' }, { secrets: ['T0KEN', ''] });
    assert.doesNotMatch(`${error.message}${error.remedy ?? ''}`, /T0KEN|0123456789abcdef|[\p{Cc}\p{Cf}]/u);
    assert.ok(error.message.length < 400, error.message);
  });

  it('carries a wait only when waiting helps', () => {
    assert.equal(refused(503, {}, { headers: { 'retry-after': '7' } }).retryAfterMs, 7000);
    assert.equal(refused(403, {}, { headers: { 'retry-after': '7' } }).retryAfterMs, undefined);
  });
});

describe('Retry-After', () => {
  const cases: [string | string[] | undefined, number | undefined][] = [
    ['0', 0], ['1', 1000], ['600', 600_000], [' 30 ', 30_000],
    ['Mon, 23 Nov 2026 09:00:05 GMT', 5000],
    ['Mon, 23 Nov 2026 08:00:00 GMT', 0],
    ['Monday, 23-Nov-26 09:00:05 GMT', 5000],
    [undefined, undefined], ['', undefined], ['soon', undefined], ['-1', undefined], ['1.5', undefined], ['1e3', undefined],
    ['99999999999', undefined], ['2026', 2_026_000], ['Mon, nonsense GMT', undefined], [['1', '2'], undefined],
  ];
  for (const [header, expected] of cases) {
    it(`of ${JSON.stringify(header)} is ${expected ?? 'ignored'}`, () => {
      assert.equal(parseRetryAfter(header, now), expected);
    });
  }
});
