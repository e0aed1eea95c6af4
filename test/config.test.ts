import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { format, inspect } from 'node:util';
import { loadConfig, manifestDirectories, type Config, type ConfigSources } from '../src/config.js';
import { isSealiftError } from '../src/errors.js';
import { COMMAND_SETTINGS, SETTINGS, isSettingName } from '../src/settings.js';

const root = mkdtempSync(join(tmpdir(), 'sealift-config-'));
after(() => rmSync(root, { recursive: true, force: true }));

const home = join(root, 'home');
mkdirSync(join(home, 'sealift'), { recursive: true });

function load(sources: Partial<ConfigSources>, names: ConfigSources['names'] = COMMAND_SETTINGS.push): Promise<Config> {
  const env = { HOME: join(root, 'nowhere'), ...sources.env };
  return loadConfig({ cwd: '/work dir', flags: {}, names, ...sources, env });
}

let files = 0;
function configFile(content: unknown): string {
  const path = join(root, `config-${++files}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('where a value comes from', () => {
  const file = configFile({ threads: 4, 'part-size': '4MiB', region: 'cn-file' });
  const env = { SEALIFT_THREADS: '3', SEALIFT_PART_SIZE: '3MiB', OSS_REGION: 'cn-env' };

  it('is the flag first', async () => {
    const { settings } = await load({ flags: { config: file, threads: '1', 'part-size': '1MiB', region: 'cn-flag' }, recorded: { threads: 2 }, env });
    assert.deepEqual([settings.threads, settings['part-size'], settings.region], [1, 1024 ** 2, 'cn-flag']);
  });

  it('then what the manifest recorded', async () => {
    const { settings } = await load({ flags: { config: file }, recorded: { threads: 2, 'part-size': 2 * 1024 ** 2, region: 'cn-recorded' }, env });
    assert.deepEqual([settings.threads, settings['part-size'], settings.region], [2, 2 * 1024 ** 2, 'cn-recorded']);
  });

  it('then the environment', async () => {
    const { settings } = await load({ flags: { config: file }, env });
    assert.deepEqual([settings.threads, settings['part-size'], settings.region], [3, 3 * 1024 ** 2, 'cn-env']);
  });

  it('then the file', async () => {
    const { settings } = await load({ flags: { config: file } });
    assert.deepEqual([settings.threads, settings['part-size'], settings.region], [4, 4 * 1024 ** 2, 'cn-file']);
  });

  it('and otherwise nowhere: the field is absent', async () => {
    assert.deepEqual((await load({})).settings, {});
  });

  it('finds the file of $XDG_CONFIG_HOME and, without it, of ~/.config', async () => {
    writeFileSync(join(home, 'sealift', 'config.json'), '{"threads": 7}');
    assert.equal((await load({ env: { XDG_CONFIG_HOME: home } })).settings.threads, 7);
    const below = join(root, 'user', '.config', 'sealift');
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, 'config.json'), '{"threads": 8}');
    assert.equal((await load({ env: { HOME: join(root, 'user'), XDG_CONFIG_HOME: 'relative/is/ignored' } })).settings.threads, 8);
  });

  it('takes an empty variable for none', async () => {
    assert.deepEqual((await load({ env: { SEALIFT_THREADS: '', OSS_ENDPOINT: '', SEALIFT_CONFIG: '' } })).settings, {});
  });

  it('prefers OSS_REGION to SEALIFT_REGION, and takes either', async () => {
    assert.equal((await load({ env: { OSS_REGION: 'a', SEALIFT_REGION: 'b' } })).settings.region, 'a');
    assert.equal((await load({ env: { SEALIFT_REGION: 'b' } })).settings.region, 'b');
  });
});

describe('kinds of values', () => {
  it('resolves paths against the working directory, and those of a file against its folder', async () => {
    const file = configFile({ key: ['k.pem', '/abs.pem'], 'local-data': 'data' });
    const { settings } = await load({ flags: { config: file } });
    assert.deepEqual(settings.key, [join(root, 'k.pem'), '/abs.pem']);
    assert.equal(settings['local-data'], join(root, 'data'));
    assert.deepEqual((await load({ flags: { key: ['a', 'b'] } })).settings.key, ['/work dir/a', '/work dir/b']);
  });

  it('splits lists in the environment at newlines, since a glob may hold any other character', async () => {
    const { settings } = await load({ env: { SEALIFT_INCLUDE: '*.{a,b}\nc d/**', SEALIFT_KEY: 'k.pem' } });
    assert.deepEqual(settings.include, ['*.{a,b}', 'c d/**']);
    assert.deepEqual(settings.key, ['/work dir/k.pem']);
  });

  it('reads flags as switches from everywhere', async () => {
    assert.equal((await load({ flags: { json: true } })).settings.json, true);
    assert.equal((await load({ env: { SEALIFT_JSON: 'yes' } })).settings.json, true);
    assert.equal((await load({ flags: { json: false }, env: { SEALIFT_JSON: '1' } })).settings.json, false);
  });

  it('ignores options of other commands, but checks them in the file', async () => {
    const env = { SEALIFT_DRY_RUN: '1', SEALIFT_BREAK_LOCK: '1' };
    assert.deepEqual((await load({ env }, COMMAND_SETTINGS.verify)).settings, {});
    assert.deepEqual((await load({ env }, COMMAND_SETTINGS.push)).settings, { 'break-lock': true, 'dry-run': true });
    assert.deepEqual((await load({ flags: { config: configFile({ overwrite: true }) } })).settings, {});
    await refuses({ flags: { config: configFile({ 'on-collision': 'explode' }) } }, /on-collision/, 'config-invalid');
  });
});

describe('what is refused, with exit code 2', () => {
  const bad: readonly (readonly [string, Partial<ConfigSources>, RegExp])[] = [
    ['NaN from a flag', { flags: { threads: 'abc' } }, /^--threads: "abc" is not accepted$/],
    ['zero threads', { flags: { threads: '0' } }, /^--threads: "0"/],
    ['a variable, by its name', { env: { SEALIFT_THREADS: '1.5' } }, /^--threads \(from SEALIFT_THREADS\): "1.5"/],
    ['nonsense after the number', { flags: { 'part-size': '12abc' } }, /^--part-size: "12abc"/],
    ['parts below what OSS takes', { flags: { 'part-size': '99KiB' } }, /^--part-size/],
    ['an unknown choice', { flags: { 'if-exists': 'maybe' } }, /^--if-exists: "maybe"/],
    ['an option given twice', { flags: { region: ['a', 'b'] } }, /^--region was given 2 times/],
    ['an empty value', { flags: { region: '' } }, /^--region/],
    ['damaged records', { recorded: { threads: 'x' } }, /^--threads \(recorded in the manifest\): "x"/],
    ['--local beside --endpoint', { flags: { local: true, endpoint: 'https://x' } }, /exclude each other/],
  ];
  for (const [name, sources, message] of bad) {
    it(name, async () => {
      await refuses(sources, message, 'usage');
    });
  }

  it('open TLS', async () => {
    await refuses({ env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } }, /NODE_TLS_REJECT_UNAUTHORIZED/, 'config-invalid');
  });
});

describe('the config file', () => {
  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ['that is no JSON', '{"region": hunter2', /not valid JSON/],
    ['that is no object', [1], /the file/],
    ['with an unknown option', { thread: 4 }, /unknown option "thread"/],
    ['with a number as text', { threads: '4' }, /"threads"/],
    ['with a text as flag', { json: 'true' }, /"json"/],
    ['with a number out of range', { threads: 0 }, /"threads" \(in /],
    ['with an option that belongs to one run', { 'break-lock': true }, /unknown option "break-lock"/],
    ['with a prototype', '{"__proto__": {"threads": 4}}', /__proto__/],
  ];
  for (const [name, content, message] of bad) {
    it(`is refused ${name}`, async () => {
      const code = name.includes('out of range') ? 'usage' : 'config-invalid';
      await refuses({ flags: { config: configFile(content) } }, message, code);
    });
  }

  for (const name of ['access-key-secret', 'accessKeyId', 'OSS_ACCESS_KEY_SECRET', 'securityToken', 'password', 'passphrase', 'privateKey', 'credentials']) {
    it(`is no place for ${name}, and its value is not repeated`, async () => {
      const error = await refuses({ flags: { config: configFile({ [name]: 'hunter2' }) } }, /looks like a secret/, 'config-invalid');
      assert.doesNotMatch(`${error.message} ${error.remedy ?? ''}`, /hunter2/);
    });
  }

  it('may be missing by default, but not when it is named', async () => {
    assert.deepEqual((await load({ env: { XDG_CONFIG_HOME: join(root, 'missing') } })).settings, {});
    await refuses({ flags: { config: join(root, 'missing.json') } }, /cannot be read: ENOENT/, 'config-invalid');
    await refuses({ env: { SEALIFT_CONFIG: join(root, 'missing.json') } }, /cannot be read: ENOENT/, 'config-invalid');
  });
});

describe('--local and an endpoint', () => {
  const env = { OSS_ENDPOINT: 'https://oss-cn-hangzhou.aliyuncs.com' };

  it('lets the flag beat the environment, either way', async () => {
    const local = (await load({ flags: { local: true }, env })).settings;
    assert.deepEqual([local.local, local.endpoint], [true, undefined]);
    const remote = (await load({ flags: { endpoint: 'https://e' }, env: { SEALIFT_LOCAL: '1' } })).settings;
    assert.deepEqual([remote.local, remote.endpoint], [undefined, 'https://e']);
  });

  it('has no quarrel when --local is off', async () => {
    const { settings } = await load({ flags: { local: false, endpoint: 'https://e' } });
    assert.deepEqual([settings.local, settings.endpoint], [false, 'https://e']);
  });
});

describe('credentials', () => {
  const env = { OSS_ACCESS_KEY_ID: 'CANARY-ID', OSS_ACCESS_KEY_SECRET: 'CANARY-SECRET', OSS_SESSION_TOKEN: 'CANARY-TOKEN' };

  const signsWith = async (sources: Partial<ConfigSources>): Promise<unknown> => await (await (await load(sources)).credentials())();

  it('come from the environment', async () => {
    assert.deepEqual(await signsWith({ env }), { accessKeyId: 'CANARY-ID', accessKeySecret: 'CANARY-SECRET', securityToken: 'CANARY-TOKEN' });
    assert.deepEqual(await signsWith({ env: { ...env, OSS_SESSION_TOKEN: '' } }), { accessKeyId: 'CANARY-ID', accessKeySecret: 'CANARY-SECRET' });
  });

  it('come from the profile that is named', async () => {
    const HOME = join(root, 'with-profile');
    mkdirSync(HOME);
    writeFileSync(join(HOME, '.ossutilconfig'), '[profile p]\naccess-key-id=P-ID\naccess-key-secret=P-SECRET\n');
    assert.deepEqual(await signsWith({ env: { ...env, HOME }, flags: { profile: 'p' } }), { accessKeyId: 'P-ID', accessKeySecret: 'P-SECRET' });
  });

  for (const missing of ['OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET']) {
    it(`names ${missing} when it is missing, with exit code 5`, async () => {
      const config = await load({ env: { ...env, [missing]: undefined } });
      await assert.rejects(config.credentials(), (error) => isSealiftError(error) && error.exitCode === 5 && error.message.startsWith(missing));
    });
  }

  it('show up in no rendering of the config', async () => {
    const config = await load({ env, flags: { threads: '2' } });
    const renderings = [
      JSON.stringify(config), JSON.stringify({ config }), inspect(config, { depth: 9, showHidden: true }), inspect({ a: [config] }, { depth: 9 }),
      format('%s %o %O %j', config, config, config, config), JSON.stringify(Object.entries(config)), JSON.stringify(structuredClone(config)),
    ];
    for (const text of renderings) {
      assert.doesNotMatch(text, /CANARY/);
    }
    assert.match(renderings[0] ?? '', /"threads":2.*\[redacted\]/);
  });

  it('of a proxy too', async () => {
    const proxies = { HTTPS_PROXY: 'http://CANARY:CANARY@p:1', SEALIFT_PROXY: 'http://CANARY:CANARY@q:2' };
    const config = await load({ env: { ...env, ...proxies } });
    assert.equal(config.settings.proxy, 'http://q:2');
    assert.equal(config.proxyFor(new URL('https://oss.example.com')), proxies.SEALIFT_PROXY);
    assert.doesNotMatch(`${JSON.stringify(config)}${inspect(config, { depth: 9, showHidden: true })}`, /CANARY/);
  });

  it('sit in a config that cannot be changed', async () => {
    const config = await load({ env });
    assert.ok(Object.isFrozen(config) && Object.isFrozen(config.settings) && Object.isFrozen(config.manifestDirectories));
  });
});

describe('manifestDirectories', () => {
  const env = { XDG_STATE_HOME: '/state' };

  it('is the state directory where there is no ./manifests', () => {
    assert.deepEqual(manifestDirectories(env, root), ['/state/sealift/manifests']);
    assert.deepEqual(manifestDirectories({ HOME: '/home/u' }, root), ['/home/u/.local/state/sealift/manifests']);
    assert.deepEqual(manifestDirectories({ HOME: '/home/u', XDG_STATE_HOME: 'relative' }, root), ['/home/u/.local/state/sealift/manifests']);
  });

  it('puts a writable ./manifests first', () => {
    const cwd = join(root, 'with');
    mkdirSync(join(cwd, 'manifests'), { recursive: true });
    assert.deepEqual(manifestDirectories(env, cwd), [join(cwd, 'manifests'), '/state/sealift/manifests']);
  });

  it('takes a file of that name for nothing', () => {
    const cwd = join(root, 'file');
    mkdirSync(cwd);
    writeFileSync(join(cwd, 'manifests'), '');
    assert.deepEqual(manifestDirectories(env, cwd), ['/state/sealift/manifests']);
  });

  it('searches a read-only ./manifests, but writes elsewhere', () => {
    const cwd = join(root, 'readonly');
    mkdirSync(join(cwd, 'manifests'), { recursive: true });
    assert.deepEqual(manifestDirectories(env, cwd, () => false), ['/state/sealift/manifests', join(cwd, 'manifests')]);
  });
});

describe('the table of settings', () => {
  it('gives every option a line of help and a default', () => {
    for (const [name, { describe: text, byDefault }] of Object.entries(SETTINGS)) {
      assert.ok(text.length > 10 && byDefault.length > 0, name);
      assert.match(name, /^[a-z]+(?:-[a-z]+)*0?$/);
    }
  });

  it('knows every option that a command takes', () => {
    for (const name of Object.values(COMMAND_SETTINGS).flat()) {
      assert.ok(isSettingName(name), name);
    }
    assert.ok(!isSettingName('toString') && !isSettingName('config'));
  });
});

async function refuses(sources: Partial<ConfigSources>, message: RegExp, code: string): Promise<{ message: string; remedy: string | undefined }> {
  const error: unknown = await load(sources).then(() => undefined, (reason: unknown) => reason);
  assert.ok(isSealiftError(error), `not refused: ${String(error)}`);
  assert.match(error.message, message);
  assert.equal(error.code, code);
  assert.equal(error.exitCode, 2);
  return error;
}
