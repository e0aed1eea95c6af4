import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import AliOss from 'ali-oss';
import fc from 'fast-check';
import { AliOssRequests } from '../../src/store/ali-oss.js';
import { resolveEndpoint } from '../../src/store/endpoint.js';
import type { OssRequest } from '../../src/store/oss-wire.js';
import { V4Signer } from '../../src/store/signing.js';
import type { Signable } from '../../src/store/signing.js';

interface SigningClient {
  authorizationV4(method: string, request: { readonly headers: object; readonly queries: Signable['queries'] }, bucket: string, object: string): string;
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
        const ours = signers.get(region)?.authorization({ method, time, headers: Object.entries(signed.headers).flat(), queries: signed.queries, bucket: 'b-1', object }, { accessKeyId, accessKeySecret });
        assert.equal(ours, client.authorizationV4(method, signed, 'b-1', object));
      },
    ), { numRuns: 500 });
  });
});

describe('a request', () => {
  it('is the one that the whole ali-oss client would send, but for the user agent', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 10, 25) });
    for (const endpoint of ['http://127.0.0.1:9000', 'https://oss-cn-hangzhou.aliyuncs.com']) {
      const requests = new AliOssRequests('b-1', resolveEndpoint({ bucket: 'b-1', region: 'cn-hangzhou', endpoint }));
      await fc.assert(fc.asyncProperty(anyRequest, fc.constantFrom('', 'token', 'token2'), fc.constantFrom(0, 0, 400, 86_400_000), async (request, securityToken, laterMs) => {
        t.mock.timers.tick(laterMs);
        const keys = { accessKeyId: 'id', accessKeySecret: 'secret' };
        const { url, args } = requests.build(request, { credentials: { ...keys, securityToken }, object: 'o' });
        assert.deepEqual(comparable({ url, args: { ...args, headers: pairs(args.headers) } }), comparable(await sentByAliOss(request, { ...requests.options, ...keys, stsToken: securityToken })));
      }), { numRuns: 300 });
    }
  });
});

const anyRequest: fc.Arbitrary<OssRequest> = fc.record({
  method: fc.constantFrom('GET', 'PUT', 'POST', 'HEAD', 'DELETE'),
  key: fc.option(fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), fc.constantFrom('a.txt', 'b.b/c.html', 'd.html/', '.png', 'e.')), { nil: undefined }),
  query: fc.dictionary(fc.constantFrom('uploads', 'uploadId', 'partNumber', 'prefix', 'list-type'), fc.oneof(fc.nat(), fc.string({ unit: 'grapheme' }))),
  headers: fc.dictionary(fc.constantFrom('x-oss-meta-a', 'x-oss-forbid-overwrite', 'content-type', 'range'), fc.stringMatching(/^[!-~]{1,30}$/)),
  body: fc.uint8Array({ minLength: 1 }),
  withMd5: fc.boolean(),
});

interface Sent {
  readonly url: string;
  readonly args: { readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly content?: unknown };
}

/** What the client of the package hands to its HTTP library. */
async function sentByAliOss(request: OssRequest, options: Readonly<Record<string, unknown>>): Promise<Sent> {
  let sent: Sent | undefined;
  const urllib = {
    request: (url: string, args: Sent['args']) => {
      sent = { url, args };
      return Promise.resolve({ status: 200, headers: {} });
    },
  };
  const Client = AliOss as unknown as new (options: object) => { request(params: object): Promise<unknown> };
  const { key, query, body, withMd5, ...rest } = request;
  await new Client({ ...options, urllib }).request({ ...rest, bucket: 'b-1', object: key ?? '', subres: query, content: body, disabledMD5: withMd5 !== true });
  assert.ok(sent !== undefined);
  return sent;
}

/** The host is our transport's business: it never looks at more than the path. */
function comparable({ url, args: { method, headers, content } }: Sent): object {
  const { 'User-Agent': agent, ...others } = headers;
  assert.match(agent ?? '', /^aliyun-sdk-nodejs\//);
  return { path: url.slice(url.indexOf('/', 8)), method, headers: others, content };
}

function pairs(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? '']] : [])));
}
