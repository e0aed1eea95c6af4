import { SETTINGS, isSettingName } from '../settings.js';
import { parseFlag } from '../values.js';

/** Of `bench` and `doctor` alone. */
const OTHERS: ReadonlySet<string> = new Set(['warm', 'suggest', 'remove', 'force']);
const WITH_VALUE = /^--([a-z0-9-]+)=(.*)$/s;

/**
 * Spells the values of switches as yargs knows them: it takes any word but `true` for false, and `--dry-run=1` would send.
 *
 * @throws SealiftError `usage` for a word that is neither true nor false.
 */
export function spellSwitches(words: readonly string[]): readonly string[] {
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  return words.map((word, index) => {
    const [, name = '', value] = (index < end ? WITH_VALUE.exec(word) : null) ?? [];
    return isSwitch(name) ? `--${name}=${parseFlag(`--${name}`, value)}` : word;
  });
}

function isSwitch(name: string): boolean {
  return OTHERS.has(name) || (isSettingName(name) && SETTINGS[name].kind === 'flag');
}
