import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openBuffer, parseEnvelope, rsaUnwrapper, rsaWrapper, sealBuffer, userMetadataOf, encodeEnvelope, type EnvelopeFamily } from '../src/format.js';
import { modelOpen } from './support/model-reader.js';
import { content } from './support/trees.js';
import { strangersKey, testKey } from './support/world.js';
import { loadObjects, vectorPlaintext } from './vectors/load.js';

const key = testKey();
const unwrappers = [rsaUnwrapper(key)];

describe('sealift/format', () => {
  for (const family of ['oss-crypto', 'client-side-encryption'] as const) {
    it(`seals what it opens and what the model reader opens: ${family}`, async () => {
      for (const size of [0, 1, 15, 16, 17, 65_536, 65_537, 1_000_000]) {
        const plaintext = content(size);
        const sealed = await sealBuffer(plaintext, { name: 'a/ü', wrapper: rsaWrapper(key, family), mode: 0o640, mtimeNs: -1_500_000_000n, userMetadata: { 'x-oss-meta-author': 'Ada' } });
        assert.ok(plaintext.equals(content(size)), 'the input is untouched');
        const before = Buffer.from(sealed.body);
        const opened = await openBuffer(sealed, { name: 'a/ü', unwrappers });
        assert.ok(sealed.body.equals(before), 'the input is untouched');
        assert.ok(opened.content.equals(plaintext));
        assert.deepEqual([opened.authenticated, opened.attributes, opened.userMetadata], [true, { mode: 0o640, mtimeNs: -1_500_000_000n }, { 'x-oss-meta-author': 'Ada' }]);
        const modelled = await modelOpen({ key: 'a/ü', ...sealed }, { rsa: key.privateKey });
        assert.ok(modelled.plaintext.equals(plaintext));
        assert.equal(modelled.attributes, 'mode=640,mtime=-2.500000000');
      }
    });
  }

  it('writes description and MD5 only when they are asked for', async () => {
    const plaintext = content(10);
    const options = { name: 'a', wrapper: rsaWrapper(key, 'oss-crypto') };
    const names = async (more: object): Promise<string[]> => Object.keys((await sealBuffer(plaintext, { ...options, ...more })).metadata);
    const contentMd5 = createHash('md5').update(plaintext).digest('base64');
    assert.deepEqual((await names({})).filter((name) => /md5|matdesc/.test(name)), []);
    assert.deepEqual((await names({ contentMd5, materialDescription: { a: 'b' } })).filter((name) => /md5|matdesc/.test(name)), ['x-oss-meta-oss-matdesc', 'x-oss-meta-unencrypted-content-md5']);
  });

  it('refuses everything that was changed', async () => {
    const { body, metadata } = await sealBuffer(content(100), { name: 'a', wrapper: rsaWrapper(key, 'oss-crypto') });
    const flipped = Buffer.from(body);
    flipped[50] = (flipped[50] ?? 0) ^ 128;
    await assert.rejects(openBuffer({ body: flipped, metadata }, { name: 'a', unwrappers }), { name: 'AuthenticationError', code: 'authentication-failed' });
    await assert.rejects(openBuffer({ body: body.subarray(1), metadata }, { name: 'a', unwrappers }), { name: 'EnvelopeError' });
    await assert.rejects(openBuffer({ body, metadata }, { name: 'b', unwrappers }), { name: 'AuthenticationError', code: 'renamed' });
    assert.ok((await openBuffer({ body, metadata }, { name: 'b', unwrappers, allowRenamed: true })).content.equals(content(100)));
    await assert.rejects(openBuffer({ body, metadata: {} }, { name: 'a', unwrappers }), { name: 'EnvelopeError', code: 'not-sealed' });
    await assert.rejects(openBuffer({ body, metadata }, { name: 'a', unwrappers: [rsaUnwrapper(strangersKey())] }), { name: 'AuthenticationError' });
    await assert.rejects(openBuffer({ body, metadata }, { name: 'a', unwrappers: [] }), { name: 'MasterKeyError', code: 'master-key-missing' });
    for (const name of Object.keys(metadata).filter((header) => !header.endsWith('content-length'))) {
      const removed = Object.fromEntries(Object.entries(metadata).filter(([header]) => header !== name));
      await assert.rejects(openBuffer({ body, metadata: removed }, { name: 'a', unwrappers }), { name: 'EnvelopeError' }, name);
    }
    for (const name of ['', '/a', '\\a']) {
      await assert.rejects(sealBuffer(body, { name, wrapper: rsaWrapper(key, 'oss-crypto') }), { name: 'EnvelopeError', code: 'name-invalid' }, name);
    }
    await assert.rejects(sealBuffer(body, { name: 'a', wrapper: rsaWrapper(key, 'oss-crypto'), userMetadata: { 'x-oss-meta-sealift-tag': '' } }), { name: 'EnvelopeError', code: 'usage' });
  });

  it('opens what other SDKs wrote when it is told to', async () => {
    const families: readonly EnvelopeFamily[] = ['oss-crypto', 'client-side-encryption'];
    for (const vector of [...loadObjects('python-legacy-rsa'), ...loadObjects('python-new-rsa'), ...loadObjects('counter-carry')]) {
      const object = { body: Buffer.from(vector.ciphertext, 'base64'), metadata: vector.metadata };
      const envelope = parseEnvelope(vector.metadata, vector.size);
      assert.ok(envelope !== null && families.includes(envelope.family));
      await assert.rejects(openBuffer(object, { name: 'x', unwrappers }), { name: 'UnauthenticatedObjectError' });
      const opened = await openBuffer(object, { name: 'x', unwrappers, allowUnauthenticated: true });
      assert.equal(opened.authenticated, false);
      assert.ok(opened.content.equals(vectorPlaintext(vector.size)));
    }
  });

  it('parses what it encodes, and tells the metadata of the user apart', async () => {
    const { metadata } = await sealBuffer(content(10), { name: 'a', wrapper: rsaWrapper(key, 'oss-crypto'), userMetadata: { 'x-oss-meta-mine': '1' } });
    const envelope = parseEnvelope(metadata, 10);
    assert.ok(envelope?.authentication);
    assert.deepEqual(encodeEnvelope({ ...envelope, authentication: envelope.authentication, userMetadata: userMetadataOf(metadata) }), metadata);
  });

  it('loads no client, no threads, no files and no sockets, now or later', () => {
    const { files, packages } = reachable(new URL('../src/format.js', import.meta.url));
    assert.ok(files.size > 15, `only ${files.size} files: the pattern is broken`);
    assert.deepEqual([...packages].sort(), ['node:crypto']);
  });
});

/** Every file and package that a compiled module imports, statically or dynamically, at any distance. */
function reachable(entry: URL): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const waiting = [entry];
  for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
    if (files.has(url.href)) {
      continue;
    }
    files.add(url.href);
    const code = readFileSync(url, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, named, dynamic, bare] of code.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm)) {
      const specifier = named ?? dynamic ?? bare ?? '';
      if (specifier.startsWith('.')) {
        waiting.push(new URL(specifier, url));
      } else {
        packages.add(specifier);
      }
    }
  }
  return { files, packages };
}
