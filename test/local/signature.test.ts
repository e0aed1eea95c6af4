import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestV1, requestV4, type Request, type Signer } from './sign.js';
import { aliOss, raw, refusal, startCloud } from './support.js';

const OBJECT: Request = { method: 'PUT', bucket: 'b-1', key: "dir/a b+c&日(1)'*!.txt", headers: { 'content-type': 'text/plain' }, body: 'hello' };

describe('signatures', () => {
  it('accepts V4 and V1 requests signed by the published recipes, foreign headers and all', async (test) => {
    const { cloud } = await startCloud(test);
    assert.equal((await raw(cloud.oss.endpoint, requestV4(OBJECT, cloud))).status, 200);
    assert.equal((await raw(cloud.oss.endpoint, requestV1(OBJECT, cloud))).status, 200);
    assert.equal((await raw(cloud.oss.endpoint, requestV4(OBJECT, { ...cloud, additional: ['host', 'user-agent'].slice(0, 1) }))).status, 200);
    const list: Request = { method: 'GET', bucket: 'b-1', key: '', query: [['prefix', 'dir/a b'], ['uploads', '']] };
    assert.equal((await raw(cloud.oss.endpoint, requestV1(list, cloud, 'uploads'))).status, 200);
    assert.match((await raw(cloud.oss.endpoint, requestV4({ ...list, query: [['prefix', 'dir/a b'], ['list-type', '2']], target: '/b-1/?list-type=2&prefix=dir%2Fa+b' }, cloud))).body, /<KeyCount>1</u);
  });

  it('takes the bucket from the path or from the host, and believes the signature when both name it', async (test) => {
    const { cloud } = await startCloud(test);
    const put = (host: string, target: string, key: string) => raw(cloud.oss.endpoint, requestV4({ method: 'PUT', bucket: 'b-1', key, host, target, body: 'x' }, cloud));
    assert.equal((await put('b-1.localhost:80', '/k1', 'k1')).status, 200);
    assert.equal((await put('b-1.oss-cn-hangzhou.aliyuncs.com', '/k2', 'k2')).status, 200);
    assert.equal((await put('b-1.oss-cn-hangzhou.aliyuncs.com', '/b-1/k3', 'k3')).status, 200);
    assert.equal((await put('b-1.oss-cn-hangzhou.aliyuncs.com', '/b-1/k4', 'b-1/k4')).status, 200);
    assert.equal((await put('oss-cn-hangzhou.aliyuncs.com', '/b-1/k5', 'k5')).status, 200);
    const { objects } = await aliOss(cloud).listV2({ 'max-keys': '100' }, {});
    assert.deepEqual(objects.map(({ name }) => name), ['b-1/k4', 'k1', 'k2', 'k3', 'k5']);
  });

  it('serves the SDK in every way it can be pointed at a loopback address', async (test) => {
    const { cloud } = await startCloud(test);
    for (const v1 of [false, true]) {
      for (const [endpoint, sldEnable] of [[cloud.oss.endpoint, false], [cloud.oss.endpoint, true], [cloud.oss.endpoint.replace('127.0.0.1', 'localhost'), true]] as const) {
        const client = aliOss(cloud, { v1, endpoint, sldEnable });
        await client.put('dir/日 +%.bin', Buffer.from('hello'), { headers: { 'x-oss-tagging': 'a=b&c=d' } });
        const { content } = (await client.get('dir/日 +%.bin')) as { content: Buffer };
        assert.equal(content.toString(), 'hello');
      }
    }
  });

  it('refuses every altered request', async (test) => {
    const { cloud, records } = await startCloud(test);
    const send = async (request: string, status: number, code: string) => {
      const answer = await raw(cloud.oss.endpoint, request);
      assert.deepEqual([answer.status, /<Code>(\w+)</u.exec(answer.body)?.[1]], [status, code]);
    };
    for (const sign of [requestV4, requestV1]) {
      const good = sign({ ...OBJECT, query: [['partNumber', '1']] }, cloud, 'partNumber=1');
      await send(good.replace('text/plain', 'text/html'), 403, 'SignatureDoesNotMatch');
      await send(good.replace('PUT ', 'POST '), 403, 'SignatureDoesNotMatch');
      await send(good.replace('partNumber=1', 'partNumber=2'), 403, 'SignatureDoesNotMatch');
      await send(good.replace('/b-1/dir', '/b-1/div'), 403, 'SignatureDoesNotMatch');
      await send(good.replace('\r\n', '\r\nx-oss-meta-more: 1\r\n'), 403, 'SignatureDoesNotMatch');
      await send(sign(OBJECT, { ...cloud, accessKeySecret: 'wrong' }), 403, 'SignatureDoesNotMatch');
      await send(sign(OBJECT, { ...cloud, accessKeyId: 'NOBODY' }), 403, 'InvalidAccessKeyId');
      for (const minutes of [-16, 16]) {
        await send(sign(OBJECT, { ...cloud, date: new Date(Date.now() + minutes * 60_000) }), 403, 'RequestTimeTooSkewed');
      }
    }
    const v4: Signer = { ...cloud, additional: ['host'] };
    await send(requestV4(OBJECT, v4).replace('host: 127.0.0.1', 'host: 127.0.0.2'), 403, 'SignatureDoesNotMatch');
    await send(requestV4(OBJECT, { ...cloud, region: 'cn-shanghai' }), 403, 'SignatureDoesNotMatch');
    await send(requestV4(OBJECT, cloud).replace('UNSIGNED-PAYLOAD', 'abc'), 400, 'InvalidArgument');
    await send(requestV4(OBJECT, cloud).replace(/x-oss-date: .*\r\n/u, ''), 400, 'InvalidArgument');
    await send(requestV4(OBJECT, cloud).replace(/authorization: .*\r\n/u, ''), 403, 'AccessDenied');
    await send(requestV4(OBJECT, cloud).replace(/authorization: .*\r\n/u, 'authorization: Basic YTpi\r\n'), 400, 'InvalidArgument');
    assert.ok(records.every(({ status }) => status >= 400), 'nothing altered was let through');
    assert.ok(records.every(({ bytes }) => bytes === 5), 'the log saw every body, refused or not');
  });

  it('asks for the security token of temporary credentials until they expire', async (test) => {
    let nowMs = Date.now();
    const { cloud } = await startCloud(test, { now: () => nowMs });
    const token = cloud.issueCredentials(60_000);
    await aliOss(cloud, { token }).put('k', Buffer.from('1'));
    await aliOss(cloud, { token, v1: true }).put('k', Buffer.from('2'));
    assert.equal(await refusal(aliOss(cloud, { token: { ...token, securityToken: 'other' } }).put('k', Buffer.from('3'))), '403 InvalidSecurityToken');
    const { securityToken, ...stolen } = token;
    assert.ok(securityToken.length > 40);
    assert.equal((await raw(cloud.oss.endpoint, requestV4(OBJECT, stolen))).status, 403);
    nowMs += 60_000;
    assert.equal(await refusal(aliOss(cloud, { token }).put('k', Buffer.from('4'))), '403 SecurityTokenExpired');
    const second = cloud.issueCredentials(60_000);
    cloud.expireCredentials(second.accessKeyId);
    assert.equal(await refusal(aliOss(cloud, { token: second }).head('k')), '403 SecurityTokenExpired');
  });
});
