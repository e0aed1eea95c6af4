import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';

/**
 * The house of docs/architecture.md, checked: who may import whom, which room alone knows a package, no cycles.
 */
const root = new URL('../../', import.meta.url).pathname;

/** Each folder or file and what it may import besides itself, `errors` and `limits`. Types count as imports. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/errors.ts': [],
  'src/limits.ts': [],
  'src/crypto': ['src/keys/wrapper.ts', 'src/envelope'],
  'src/envelope': ['src/crypto', 'src/keys/wrapper.ts', 'src/store/store.ts'],
  'src/keys': ['src/crypto', 'src/files/sync.ts', 'src/store/abort.ts', 'src/store/pace.ts'],
  'src/store': ['src/crypto', 'src/run/options.ts'],
  'src/files': ['src/run/types.ts'],
  'src/manifest': ['src/files/machine.ts', 'src/files/sync.ts', 'src/run/types.ts', 'src/run/events.ts'],
  'src/local': ['src/crypto', 'src/manifest/lock.ts'],
  'src/format.ts': ['src/crypto', 'src/envelope', 'src/keys/keyring.ts', 'src/keys/rsa.ts', 'src/keys/wrapped-start.ts', 'src/keys/wrapper.ts', 'src/run/opening.ts', 'src/run/sealing.ts', 'src/store/store.ts'],
  'src/bucket': ['src/crypto', 'src/envelope', 'src/keys', 'src/store', 'src/files', 'src/run'],
  'src/report': ['src/run/events.ts', 'src/run/options.ts'],
};

/** Rooms of `src/run/` that know nothing of each other. */
const APART: Readonly<Record<string, readonly string[]>> = {
  'src/run/threads': ['src/run/push', 'src/run/pull', 'src/run/verify', 'src/run/rewrap'],
  'src/run/push': ['src/run/pull', 'src/run/verify', 'src/run/rewrap'],
  'src/run/pull': ['src/run/push', 'src/run/verify', 'src/run/rewrap'],
  'src/run/verify': ['src/run/push', 'src/run/rewrap'],
  'src/run/rewrap': ['src/run/push', 'src/run/verify'],
};

/** Packages that exactly one place knows. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  'ali-oss': ['src/store/ali-oss.ts'],
  '@alicloud/kms20160120': ['src/keys/kms'],
  '@alicloud/credentials': ['src/store/credentials'],
  'node-forge': ['src/keys/key-files', 'src/keys/'],
  piscina: ['src/run/threads/crew.ts'],
  'fast-glob': ['src/files/walk'],
  ignore: ['src/files/ignore-rules.ts'],
  yargs: ['src/commands/'],
};

interface Source {
  readonly file: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(...folders: string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => {
        const file = join(folder, name);
        const text = readFileSync(join(root, file), 'utf8');
        return { file, text, imports: importsOf(text) };
      }),
  );
}

function importsOf(text: string): string[] {
  const statements = text.matchAll(/^\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|^import '([^']+)'/gm);
  return [...statements].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function resolved(source: Source): string[] {
  return source.imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => normalize(join(dirname(source.file), specifier)).replace(/\.js$/, '.ts'));
}

const house = sources('src', 'workers');

describe('the house', () => {
  it('is read at all', () => {
    assert.ok(house.length > 20, `only ${house.length} source files found`);
    assert.ok(house.flatMap(resolved).length > 40, 'hardly any import found: the pattern is broken');
  });

  it('keeps each room to the rooms it may know', () => {
    const breaches = house.flatMap((source) => {
      const room = Object.keys(MAY_IMPORT).find((name) => source.file === name || source.file.startsWith(`${name}/`));
      if (room === undefined) {
        return [];
      }
      const allowed = [room, 'src/errors.ts', 'src/limits.ts', ...(MAY_IMPORT[room] ?? [])];
      return resolved(source)
        .filter((target) => !allowed.some((name) => target === name || target.startsWith(`${name}/`)))
        .map((target) => `${source.file} imports ${target}`);
    });
    assert.deepEqual(breaches, []);
  });

  it('keeps push, pull and threads apart', () => {
    const breaches = house.flatMap((source) => {
      const [, others = []] = Object.entries(APART).find(([room]) => source.file.startsWith(`${room}/`)) ?? [];
      return resolved(source)
        .filter((target) => others.some((room) => target.startsWith(`${room}/`)))
        .map((target) => `${source.file} imports ${target}`);
    });
    assert.deepEqual(breaches, []);
    assert.ok(Object.keys(APART).every((room) => house.some(({ file }) => file.startsWith(`${room}/`))), 'a room is gone: the rule checks nothing');
  });

  it('keeps each package to the place that wraps it', () => {
    const breaches = house.flatMap((source) =>
      source.imports
        .filter((specifier) => specifier in ONLY_IN)
        .filter((specifier) => !(ONLY_IN[specifier] ?? []).some((place) => source.file.startsWith(place)))
        .map((specifier) => `${source.file} imports ${specifier}`),
    );
    assert.deepEqual(breaches, []);
  });

  it('never imports a worker: the pool knows it by URL', () => {
    const breaches = house.filter((source) => source.file.startsWith('src/') && resolved(source).some((target) => target.startsWith('workers/')));
    assert.deepEqual(breaches.map((source) => source.file), []);
  });

  it('keeps crypto and envelope free of I/O', () => {
    const io = /^(?:node:)?(?:fs|fs\/promises|net|http|https|tls|child_process|worker_threads)$/;
    const breaches = house.filter((source) => /^src\/(?:crypto|envelope)\//.test(source.file) && source.imports.some((name) => io.test(name)));
    assert.deepEqual(breaches.map((source) => source.file), []);
  });

  it('reads the environment and ends the process in config.ts and cli.ts alone', () => {
    const breaches = house
      .filter((source) => source.file !== 'src/config.ts' && source.file !== 'src/cli.ts')
      .filter((source) => /\bprocess\.(?:env|exit)\b/.test(source.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')));
    assert.deepEqual(breaches.map((source) => source.file), []);
  });

  it('has no import cycle', () => {
    const graph = new Map(house.map((source) => [source.file, resolved(source)]));
    const state = new Map<string, 'open' | 'closed'>();
    const visit = (file: string, trail: readonly string[]): void => {
      assert.notEqual(state.get(file), 'open', `cycle: ${[...trail, file].join(' → ')}`);
      if (state.get(file) === 'closed') {
        return;
      }
      state.set(file, 'open');
      for (const target of graph.get(file) ?? []) {
        visit(target, [...trail, file]);
      }
      state.set(file, 'closed');
    };
    for (const file of graph.keys()) {
      visit(file, []);
    }
  });
});
