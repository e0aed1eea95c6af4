import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { manifestJsonSchema } from '../../src/manifest/json-schema.js';
import { Manifest } from '../../src/manifest/manifest.js';
import { summarize } from '../../src/manifest/summary.js';
import { linesOf, path, sealing, statOf, STORED, temporaryDirectory, written } from './support.js';

const manifests = new URL('../../../manifests/', import.meta.url).pathname;
const page = readFileSync(join(manifests, 'FORMAT.md'), 'utf8');
const example = readFileSync(join(manifests, 'example.jsonl'), 'utf8');
const published = JSON.parse(readFileSync(join(manifests, 'manifest.schema.json'), 'utf8')) as { oneOf: { properties: { type: { const: string } } & Record<string, object>; required: string[] }[] };

// Patterns say what formats would; ajv knows none without a further package.
const validate = new Ajv2020({ strict: true, validateFormats: false }).compile(published);
const directory = temporaryDirectory();

describe('manifests/manifest.schema.json', () => {
  it('is what the program checks', () => {
    // To make it again: print JSON.stringify(manifestJsonSchema(), null, 2) into it.
    assert.deepEqual(published, manifestJsonSchema());
  });

  it('accepts what is written, and refuses what is not a line', async () => {
    const file = await written(join(directory, 'written.jsonl'), async (manifest) => {
      manifest.started([path('a'), path('b')]);
      manifest.done(0, statOf(), { ...STORED, versionId: 'v' });
      await manifest.sealed(sealing(1));
      await manifest.upload(1, 'U');
      manifest.part(1, { number: 1, etag: 'P' }, 1n);
      await manifest.abandoned(1, 'unstable', 'U');
      await manifest.fetching({ id: 0, temporary: '.t', etag: 'E', size: 64, rangeBytes: 16 });
      manifest.range(0, 1);
      manifest.failed(path('c'), { code: 'vanished', message: 'c is gone', retryable: false });
    });
    for (const line of linesOf(file)) {
      assert.ok(validate(line), JSON.stringify(validate.errors));
      assert.ok(!validate({ ...line, secret: 'x' }));
      assert.ok(!validate({ ...line, seq: 0 }));
    }
  });
});

describe('manifests/FORMAT.md', () => {
  it('shows the example file', () => {
    assert.equal(/```json\n([\s\S]*?)```/.exec(page)?.[1], example);
  });

  it('lists every record and member, and no other', () => {
    const records = page.slice(page.indexOf('## Records'), page.indexOf('## Reading'));
    const rows = [...records.matchAll(/^\| `(\w+)` \| (.*?) \| /gm)].map(([, type = '', members = '']) => {
      const flat = members.replace(/\{[^}]*\}/g, '');
      return [type, [...flat.matchAll(/`(\w+)`(\?)?/g)].map(([, name = '', optional = '']) => `${name}${optional}`).sort()];
    });
    const expected = published.oneOf.map(({ properties, required }) => {
      const names = Object.keys(properties).filter((name) => !['type', 'seq', 'chain'].includes(name));
      return [properties.type.const, names.map((name) => (required.includes(name) ? name : `${name}?`)).sort()];
    });
    assert.deepEqual(rows, expected);
  });
});

describe('manifests/example.jsonl', () => {
  it('is chained as the page says, by another hand', () => {
    let previous = '0'.repeat(16);
    for (const [index, line] of example.trimEnd().split('\n').entries()) {
      const [, start, chain = ''] = /^(.*),"chain":"([0-9a-f]{16})"\}$/.exec(line) ?? [];
      const body = `${start ?? assert.fail(`line ${index + 1} has no chain`)}}`;
      assert.equal(chain, createHash('sha256').update(`${previous}\n${body}`, 'utf8').digest('hex').slice(0, 16));
      assert.match(body, new RegExp(`^\\{"seq":${index + 1},`));
      assert.ok(validate(JSON.parse(line)), JSON.stringify(validate.errors));
      previous = chain;
    }
  });

  it('tells of a complete run of six entries', async () => {
    const file = join(directory, 'example.jsonl');
    copyFileSync(join(manifests, 'example.jsonl'), file);
    const { counts, bytes, complete, left, failures, unfinished, lastClose } = await summarize(file);
    assert.deepEqual([counts.done, counts.skipped, counts.directory, left, complete], [4, 1, 1, 0, true]);
    assert.deepEqual([bytes, lastClose?.bytes, failures, unfinished], [20_873_378, 20_873_378, [], []]);
    const manifest = await Manifest.load(file);
    assert.deepEqual(manifest.warnings, []);
    assert.deepEqual([...manifest.entries()].map(({ id }) => manifest.path(id)), ['2025/beach.jpg', '2025/café %25 off.jpg', '2025/locked.jpg', 'latest', '2026', 'film.mov']);
    await manifest.release();
  });

  it('resumes in the middle, where the film was under way', async () => {
    const file = join(directory, 'killed.jsonl');
    writeFileSync(file, `${example.split('\n').slice(0, 12).join('\n')}\n`);
    const manifest = await Manifest.load(file);
    const pending = manifest.pendingUpload(5);
    assert.deepEqual([pending?.uploadId, [...(pending?.parts.keys() ?? [])]], ['0004B9894A22E5B1888A1E29F8236E2D', [2]]);
    assert.equal(Buffer.from(pending?.sealed.digests ?? '', 'base64').length, 3 * 16);
    await manifest.release();
  });
});
