/** From what a person typed, or nothing, to the file of one run. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { SealiftError } from '../errors.js';
import { parseText } from '../values.js';

/** A path, or a run id that is looked for in the manifest directories. Fails with `manifest-missing` (exit code 2). */
export function namedManifest(typed: unknown, cwd: string, directories: readonly string[]): string {
  const name = parseText('the manifest', typed);
  const isId = basename(name) === name;
  const candidates = [resolve(cwd, name), ...(isId ? directories.flatMap((directory) => [join(directory, name), join(directory, `${name}.jsonl`)]) : [])];
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) {
    throw new SealiftError('manifest-missing', `there is no manifest ${name}`, { object: name, remedy: searched(directories) });
  }
  return found;
}

export function noManifest(what: string, directories: readonly string[]): SealiftError {
  return new SealiftError('manifest-missing', `there is no ${what}`, { remedy: searched(directories) });
}

function searched(directories: readonly string[]): string {
  return `Looked in ${directories.join(' and ')}; name another manifest by its path.`;
}
