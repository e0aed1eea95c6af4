/**
 * Flags, what a manifest recorded, environment and profile file → one frozen, checked Config. The only place besides the
 * entry point that looks at the environment.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { SealiftError } from './errors.js';
import { parseProxyOption, proxyFor } from './proxy-choice.js';
import type { CredentialsProvider } from './run/options.js';
import { SETTINGS, STANDARD_INPUT, isSettingName, type Setting, type SettingName, type Settings } from './settings.js';
import { refuseUnverifiedTls } from './store/endpoint.js';
import { parseChoice, parseCount, parseFlag, parseSize, parseText } from './values.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigSources {
  /** What yargs found, by option name without dashes. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Options of the run that is resumed, as its manifest recorded them. */
  readonly recorded?: Readonly<Record<string, unknown>>;
  readonly env: Environment;
  /** Directory that relative paths start from; absolute. */
  readonly cwd: string;
  readonly names: readonly SettingName[];
}

interface Layer {
  readonly values: Readonly<Record<string, unknown>>;
  readonly directory: string;
  /** Whether it may hold what nobody else should read. */
  readonly isPrivate?: boolean;
  label(name: SettingName): string;
}

const ENVIRONMENT_NAMES: Readonly<Partial<Record<SettingName, string>>> = { region: 'OSS_REGION', endpoint: 'OSS_ENDPOINT' };

/**
 * Checked options. Secrets are reachable through `credentials()` and `proxyFor()` alone and show up in neither `JSON.stringify`,
 * `util.inspect`, a spread nor a structured clone.
 */
export class Config {
  readonly settings: Settings;
  /** Where manifests are looked for; the first one is writable and takes new ones. */
  readonly manifestDirectories: readonly string[];
  readonly #env: Environment;

  constructor(settings: Settings, manifestDirectories: readonly string[], env: Environment) {
    this.settings = Object.freeze(settings);
    this.manifestDirectories = Object.freeze([...manifestDirectories]);
    this.#env = env;
    Object.freeze(this);
  }

  /**
   * The first source that applies: `--profile`, `OSS_ACCESS_KEY_ID` and its companions, `~/.ossutilconfig`, the default
   * chain of Alibaba Cloud. Fails with `credentials-missing` (exit code 5), naming a variable that is not set or a profile
   * that does not exist; the chain is asked by the provider.
   */
  async credentials(): Promise<CredentialsProvider> {
    const [{ findCredentials }, { RenewedCredentials }] = await Promise.all([import('./store/credentials-sources.js'), import('./store/credentials-renewal.js')]);
    const found = new RenewedCredentials(await findCredentials({ environment: this.#env, home: this.#env['HOME'] ?? homedir(), profile: this.settings.profile }));
    return (refused) => found.get(refused);
  }

  /**
   * The URL of the proxy that a URL is asked through, user and password included; undefined for none. Fails with
   * `config-invalid` for a variable of the environment that names no HTTP proxy.
   */
  proxyFor(url: URL): string | undefined {
    return proxyFor(url, this.settings.proxy, this.#env);
  }

  toJSON(): object {
    const credentials = this.#env['OSS_ACCESS_KEY_SECRET'] === undefined ? 'none' : '[redacted]';
    return { settings: this.settings, manifestDirectories: this.manifestDirectories, credentials };
  }

  [inspect.custom](): string {
    return `Config ${inspect(this.toJSON())}`;
  }
}

/** Fails with `usage` or `config-invalid` (exit code 2), naming option, value and what is accepted. */
export async function loadConfig(sources: ConfigSources): Promise<Config> {
  refuseUnverifiedTls(sources.env['NODE_TLS_REJECT_UNAUTHORIZED']);
  const layers = [flagLayer(sources), recordedLayer(sources), environmentLayer(sources), await fileLayer(sources)];
  const loser = overruled(layers);
  const names = sources.names.filter((name) => name !== loser);
  const settings = Object.fromEntries(
    names.flatMap((name) => {
      const layer = layers[rank(name, layers)];
      return layer === undefined ? [] : [[name, check(name, layer)]];
    }),
  ) as Settings;
  return new Config(settings, manifestDirectories(sources.env, sources.cwd), sources.env);
}

/** The directories that runs are recorded in: `./manifests` if it is there and writable, and the state directory. */
export function manifestDirectories(env: Environment, cwd: string, isWritable = mayWrite): readonly string[] {
  const state = join(baseDirectory(env, 'XDG_STATE_HOME', ['.local', 'state']), 'sealift', 'manifests');
  const here = join(cwd, 'manifests');
  if (!isDirectory(here)) {
    return [state];
  }
  return isWritable(here) ? [here, state] : [state, here];
}

function flagLayer({ flags, cwd }: ConfigSources): Layer {
  return { values: flags, directory: cwd, label: (name) => `--${name}` };
}

function recordedLayer({ recorded, cwd }: ConfigSources): Layer {
  return { values: recorded ?? {}, directory: cwd, label: (name) => `--${name} (recorded in the manifest)` };
}

function environmentLayer({ env, names, cwd }: ConfigSources): Layer {
  const values = Object.fromEntries(names.map((name) => [name, environmentValue(env, name)]));
  return { values, directory: cwd, isPrivate: true, label: (name) => `--${name} (from ${environmentSource(env, name)})` };
}

function environmentValue(env: Environment, name: SettingName): unknown {
  const text = env[environmentSource(env, name)];
  if (text === undefined || text === '') {
    return undefined;
  }
  const { kind } = SETTINGS[name];
  return kind === 'texts' || kind === 'paths' ? text.split('\n') : text;
}

function environmentSource(env: Environment, name: SettingName): string {
  const own = `SEALIFT_${name.toUpperCase().replaceAll('-', '_')}`;
  const known = ENVIRONMENT_NAMES[name];
  return known !== undefined && env[known] !== undefined && env[known] !== '' ? known : own;
}

async function fileLayer({ flags, env, cwd }: ConfigSources): Promise<Layer> {
  const named = flags['config'] ?? emptyToUndefined(env['SEALIFT_CONFIG']);
  const path = named === undefined ? join(baseDirectory(env, 'XDG_CONFIG_HOME', ['.config']), 'sealift', 'config.json') : resolve(cwd, parseText('--config', named));
  const absent = named === undefined && !exists(path);
  // The schema library is loaded only when there is a file to check: it would double the start-up time.
  const values = absent ? {} : (await import('./config-file.js')).readConfigFile(path, named === undefined);
  const layer: Layer = { values, directory: join(path, '..'), label: (name) => `"${name}" (in ${path})` };
  Object.keys(values).filter(isSettingName).forEach((name) => void check(name, layer));
  return layer;
}

function check(name: SettingName, layer: Layer): unknown {
  const setting: Setting = SETTINGS[name];
  const value = layer.values[name];
  const label = layer.label(name);
  switch (setting.kind) {
    case 'size':
      return parseSize(label, value, setting);
    case 'count':
      return parseCount(label, value, setting);
    case 'flag':
      return parseFlag(label, value);
    case 'choice':
      return parseChoice(label, value, setting.choices);
    case 'text':
      return parseText(label, value);
    case 'proxy':
      return parseProxyOption(label, parseText(label, value), layer.isPrivate === true);
    case 'path':
      return resolve(layer.directory, parseText(label, value));
    case 'input':
      return value === STANDARD_INPUT ? value : resolve(layer.directory, parseText(label, value));
    case 'texts':
      return listOf(value).map((item) => parseText(label, item));
    case 'paths':
      return listOf(value).map((item) => resolve(layer.directory, parseText(label, item)));
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** The place of the layer that decides an option; lower wins, the number of layers means nobody set it. */
function rank(name: SettingName, layers: readonly Layer[]): number {
  const found = layers.findIndex(({ values }) => values[name] !== undefined);
  return found === -1 ? layers.length : found;
}

/** `--local` beats an OSS_ENDPOINT that happens to be set, and the other way round; side by side they contradict each other. */
function overruled(layers: readonly Layer[]): 'local' | 'endpoint' | undefined {
  const [local, endpoint] = [rank('local', layers), rank('endpoint', layers)];
  const isLocal = local < layers.length && parseFlag('--local', layers[local]?.values['local']);
  if (!isLocal || endpoint === layers.length) {
    return undefined;
  }
  if (local === endpoint) {
    throw new SealiftError('usage', '--local and --endpoint exclude each other', {
      object: '--local',
      remedy: 'Leave out --local to reach a server, or --endpoint to use the embedded cloud.',
    });
  }
  return local < endpoint ? 'endpoint' : 'local';
}

/** XDG says that a relative path in these variables is to be ignored. */
function baseDirectory(env: Environment, name: string, fallback: readonly string[]): string {
  const value = env[name];
  return value !== undefined && isAbsolute(value) ? value : join(env['HOME'] ?? homedir(), ...fallback);
}

function emptyToUndefined(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // A folder that may not be entered is no proof of absence: reading the file will say what is wrong.
    return true;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
