import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { compareKeys, firstIndex, KeyOrder } from '../../src/local/key-order.js';
import { requestV4 } from './sign.js';
import { aliOss, raw, refusal, startCloud } from './support.js';

interface Listed {
  readonly keys: string[];
  readonly prefixes: string[];
  readonly next: string | undefined;
  readonly xml: string;
}

async function started(test: TestContext, keys: readonly string[]) {
  const { cloud } = await startCloud(test);
  for (const key of keys) {
    await raw(cloud.oss.endpoint, requestV4({ method: 'PUT', bucket: 'b-1', key, body: 'x' }, cloud));
  }
  const list = async (query: Record<string, string>): Promise<Listed> => {
    const pairs = Object.entries({ 'encoding-type': 'url', ...query });
    const xml = (await raw(cloud.oss.endpoint, requestV4({ method: 'GET', bucket: 'b-1', key: '', query: pairs }, cloud))).body;
    const all = (pattern: RegExp) => Array.from(xml.matchAll(pattern), ([, name = '']) => decodeURIComponent(name));
    return { keys: all(/<Key>(.*?)<\/Key>/gu), prefixes: all(/<CommonPrefixes><Prefix>(.*?)<\/Prefix>/gu), next: all(/<Next(?:ContinuationToken|Marker)>(.*?)</gu)[0], xml };
  };
  return { cloud, list };
}

const HOSTILE = ['a', 'a b', 'a&<b>"', 'a+b', 'a\nb', 'a\u0001', 'a%2Fb', 'a/é', 'a/日', 'a/\uffee', 'a/💥', 'b/', 'b/c/d', 'b/e', 'z'];
const SORTED = [...HOSTILE].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

describe('listings', () => {
  it('page through hostile names in the order of their bytes, with tokens and with markers', async (test) => {
    const { list } = await started(test, HOSTILE);
    for (const [version, cursor] of [[{ 'list-type': '2' }, 'continuation-token'], [{}, 'marker']] as const) {
      for (const size of [1, 2, 7, 1000]) {
        const seen: string[] = [];
        let next: string | undefined;
        do {
          const page: Listed = await list({ ...version, 'max-keys': String(size), ...(next === undefined ? {} : { [cursor]: next }) });
          assert.ok(page.keys.length <= size);
          seen.push(...page.keys);
          next = page.next;
        } while (next !== undefined);
        assert.deepEqual(seen, SORTED);
      }
    }
  });

  it('select by prefix and start, and fold at a delimiter', async (test) => {
    const { list } = await started(test, HOSTILE);
    const two = { 'list-type': '2' };
    assert.deepEqual((await list({ ...two, prefix: 'b/' })).keys, ['b/', 'b/c/d', 'b/e']);
    assert.deepEqual((await list({ ...two, prefix: 'nothing' })).keys, []);
    assert.deepEqual((await list({ ...two, 'start-after': 'b/c/d' })).keys, ['b/e', 'z']);
    const folded = await list({ ...two, delimiter: '/' });
    assert.deepEqual([folded.keys, folded.prefixes], [SORTED.filter((key) => !key.includes('/')), ['a/', 'b/']]);
    assert.match(folded.xml, new RegExp(`<KeyCount>${folded.keys.length + 2}</KeyCount>`, 'u'));
    const first = await list({ ...two, delimiter: '/', prefix: 'b/', 'max-keys': '2' });
    assert.deepEqual([first.keys, first.prefixes], [['b/'], ['b/c/']]);
    const second = await list({ ...two, delimiter: '/', prefix: 'b/', 'max-keys': '2', 'continuation-token': first.next ?? '' });
    assert.deepEqual([second.keys, second.prefixes, second.next], [['b/e'], [], undefined]);
  });

  it('are readable for the SDK, encoded or not', async (test) => {
    const { cloud } = await started(test, HOSTILE);
    for (const prefix of ['a/', 'a&', 'a b', 'a\n']) {
      const { objects } = await aliOss(cloud).listV2({ prefix, 'max-keys': '1000' }, {});
      assert.deepEqual(objects.map(({ name }) => name), SORTED.filter((key) => key.startsWith(prefix)));
    }
    const encoded = await aliOss(cloud).list({ 'max-keys': '3', 'encoding-type': 'url' } as never, {});
    assert.deepEqual(encoded.objects.map(({ name }) => decodeURIComponent(name)), SORTED.slice(0, 3));
    assert.equal(encoded.objects[0]?.size, 1);
  });

  it('follow writes and deletions between pages', async (test) => {
    const { cloud, list } = await started(test, ['a', 'b', 'c', 'd']);
    const client = aliOss(cloud);
    const first = await list({ 'list-type': '2', 'max-keys': '2' });
    await client.delete('b');
    await client.put('bb', Buffer.from('new'));
    const second = await list({ 'list-type': '2', 'continuation-token': first.next ?? '' });
    assert.deepEqual(second.keys, ['bb', 'c', 'd']);
  });

  it('refuse numbers, encodings and tokens that OSS refuses', async (test) => {
    const { cloud } = await started(test, []);
    const client = aliOss(cloud);
    for (const query of [{ 'max-keys': '0' }, { 'max-keys': '1001' }, { 'max-keys': 'ten' }, { 'encoding-type': 'base64' }, { 'continuation-token': '!' }]) {
      assert.equal(await refusal(client.listV2(query as never, {})), '400 InvalidArgument');
    }
  });
});

describe('key order', () => {
  const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 6 });

  it('is that of the UTF-8 bytes', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('holds through any sequence of additions and removals', () => {
    const step = fc.record({ add: fc.boolean(), key, look: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = new Set<string>();
        const order = new KeyOrder();
        for (const { add, key: name, look } of steps) {
          if (add && !model.has(name)) {
            order.add(name);
            model.add(name);
          } else if (!add && model.delete(name)) {
            order.remove();
          }
          if (look) {
            order.sorted((each) => model.has(each));
          }
        }
        const expected = [...model].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        const sorted = order.sorted((each) => model.has(each));
        assert.deepEqual(sorted, expected);
        expected.forEach((name, at) => assert.equal(firstIndex(sorted, (each) => compareKeys(each, name) < 0), at));
      }),
    );
  });
});
