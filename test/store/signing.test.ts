import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import AliOss from 'ali-oss';
import fc from 'fast-check';
import { V4Signer } from '../../src/store/signing.js';
import type { Signable } from '../../src/store/signing.js';

interface SigningClient {
  authorizationV4(method: string, request: Pick<Signable, 'headers' | 'queries'>, bucket: string, object: string): string;
}

/** Numbers, texts and bare names as ali-oss collects them; never an empty text, which it turns into a bare name. */
const queries = fc.dictionary(
  fc.constantFrom('uploads', 'uploadId', 'partNumber', 'list-type', 'prefix', 'max-keys', 'encoding-type', 'continuation-token', 'key-marker', 'upload-id-marker'),
  fc.oneof(fc.constant(null), fc.nat(), fc.string({ minLength: 1, unit: 'grapheme' })),
);
const headers = fc.record({
  names: fc.dictionary(fc.constantFrom('x-oss-meta-a', 'x-oss-meta-a-b', 'X-Oss-Meta-B', 'x-oss-forbid-overwrite', 'Content-Type', 'content-md5', 'User-Agent', 'range'), fc.stringMatching(/^[ -~]{0,30}$/)),
  time: fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
});

describe('the signature', () => {
  it('is that of ali-oss for any request', () => {
    const signers = new Map(['cn-hangzhou', 'ap-southeast-1'].map((region) => [region, new V4Signer(region)]));
    fc.assert(fc.property(
      fc.record({
        method: fc.constantFrom('GET', 'PUT', 'post', 'HEAD', 'DELETE'), queries, headers,
        object: fc.string({ unit: 'grapheme', maxLength: 40 }), region: fc.constantFrom('cn-hangzhou', 'ap-southeast-1'),
        accessKeyId: fc.constantFrom('id1', 'id2'), accessKeySecret: fc.constantFrom('s1', 's2', 's'),
      }),
      (request) => {
        const { method, object, region, accessKeyId, accessKeySecret } = request;
        const time = request.headers.time.toISOString().replace(/[-:]|\.\d+/g, '');
        const signed = { headers: { ...request.headers.names, 'x-oss-date': time, 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD' }, queries: request.queries };
        const client = new AliOss({ accessKeyId, accessKeySecret, region }) as unknown as SigningClient;
        const ours = signers.get(region)?.authorization({ method, ...signed, bucket: 'b-1', object }, { accessKeyId, accessKeySecret });
        assert.equal(ours, client.authorizationV4(method, signed, 'b-1', object));
      },
    ), { numRuns: 500 });
  });
});
