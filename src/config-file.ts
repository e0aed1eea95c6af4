/** The profile file: JSON, checked strictly, and never the place for a secret. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { z as Zod } from 'zod';
import { SealiftError } from './errors.js';
import { SETTINGS, isSettingName, type Setting } from './settings.js';

// Not imported: all of its languages would be opened at once, which takes a hundred file descriptors.
const { z } = createRequire(import.meta.url)('zod') as { readonly z: typeof Zod };

const SECRET = /secret|passphrase|password|token|access.?key|private|credential/i;
const NOT_IN_A_FILE: ReadonlySet<string> = new Set(['break-lock', 'new-run', 'dry-run', 'manifest', 'report']);

/**
 * Values by option name, not yet range-checked. `optional`: a missing file means no values.
 * Fails with `config-invalid` on anything but known option names; values never appear in the message, for they may be secrets
 * in the wrong place.
 */
export function readConfigFile(path: string, optional: boolean): Readonly<Record<string, unknown>> {
  const text = readText(path, optional);
  if (text === undefined) {
    return {};
  }
  const content = parseJson(path, text);
  refuseSecrets(path, content);
  const checked = schema().safeParse(content);
  if (!checked.success) {
    throw invalid(path, describe(checked.error), `Allowed: ${allowedNames().join(', ')}.`);
  }
  return checked.data;
}

function readText(path: string, optional: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    if (optional && (code === 'ENOENT' || code === 'ENOTDIR')) {
      return undefined;
    }
    throw new SealiftError('config-invalid', `config file ${path} cannot be read: ${code}`, { object: path, remedy: 'Check the path given with --config.' });
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    throw invalid(path, 'it is not valid JSON', 'Write one JSON object, such as {"region": "cn-hangzhou", "threads": 4}.');
  }
}

function refuseSecrets(path: string, content: unknown): void {
  const names = typeof content === 'object' && content !== null ? Object.keys(content) : [];
  const secret = names.find((name) => !isSettingName(name) && SECRET.test(name));
  if (secret !== undefined) {
    throw invalid(
      path,
      `${JSON.stringify(secret)} looks like a secret, and secrets do not belong in a config file`,
      'Use OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET and OSS_SESSION_TOKEN in the environment, and change the secret if others could read the file.',
    );
  }
}

function schema(): Zod.ZodType<Record<string, unknown>> {
  return z.strictObject(Object.fromEntries(allowedNames().map((name) => [name, valueSchema(SETTINGS[name]).optional()])));
}

function allowedNames(): (keyof typeof SETTINGS)[] {
  return Object.keys(SETTINGS).filter(isSettingName).filter((name) => !NOT_IN_A_FILE.has(name));
}

function valueSchema(setting: Setting): Zod.ZodType {
  switch (setting.kind) {
    case 'flag':
      return z.boolean();
    case 'count':
      return z.number().int();
    case 'size':
      return z.union([z.number(), z.string()]);
    case 'choice':
      return z.enum(setting.choices);
    case 'texts':
    case 'paths':
      return z.union([z.string(), z.array(z.string())]);
    case 'text':
    case 'path':
    case 'input':
    case 'proxy':
      return z.string();
  }
}

function describe(error: Zod.ZodError): string {
  const issue = error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    return `unknown option ${issue.keys.map((name) => JSON.stringify(name)).join(', ')}`;
  }
  const at = issue?.path.join('.') ?? '';
  return `${at === '' ? 'the file' : JSON.stringify(at)}: ${issue?.message ?? 'not accepted'}`;
}

function invalid(path: string, cause: string, remedy: string): SealiftError {
  return new SealiftError('config-invalid', `config file ${path}: ${cause}`, { object: path, remedy });
}
