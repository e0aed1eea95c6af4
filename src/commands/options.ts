/** The table of settings as yargs wants it. */
import type { Options } from 'yargs';
import { SETTINGS, type Setting, type SettingName } from '../settings.js';

/**
 * Every value is taken as text and checked later, together with environment and config file: yargs would turn
 * `--threads abc` into NaN and say nothing.
 */
export function settingOptions(names: readonly SettingName[]): Record<string, Options> {
  const options = names.map((name) => [name, optionFor(SETTINGS[name])] as const);
  return { ...Object.fromEntries(options), config: CONFIG };
}

const CONFIG: Options = {
  type: 'string',
  requiresArg: true,
  describe: 'JSON file with values for these options; no secrets',
  defaultDescription: '$XDG_CONFIG_HOME/sealift/config.json',
};

function optionFor(setting: Setting): Options {
  const { describe, byDefault: defaultDescription, kind } = setting;
  if (kind === 'flag') {
    return { type: 'boolean', describe, defaultDescription };
  }
  const isList = kind === 'texts' || kind === 'paths';
  return { type: 'string', requiresArg: true, describe, defaultDescription, ...(isList ? { array: true } : {}) };
}
