import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { exitCodeOf, isErrorCode } from '../../src/errors.js';
import { COMMAND_SETTINGS, SETTINGS, isSettingName } from '../../src/settings.js';

const page = readFileSync(new URL('../../../docs/command-line.md', import.meta.url), 'utf8');

describe('docs/command-line.md', () => {
  it('lists every option as the program has it, and no other', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| `--'));
    const expected = Object.keys(SETTINGS).filter(isSettingName).map((name) => {
      const commands = Object.entries(COMMAND_SETTINGS).filter(([, names]) => (names as readonly string[]).includes(name)).map(([command]) => command);
      return `| \`--${name}\` | ${commands.join(', ')} | ${SETTINGS[name].describe} | ${SETTINGS[name].byDefault} |`;
    });
    assert.deepEqual(rows, expected);
  });

  it('lists every exit code', () => {
    const codes = [...page.matchAll(/^\| (\d+(?:, \d+)*) \|/gm)].flatMap((match) => (match[1] ?? '').split(', ').map(Number));
    const used = ['internal', 'usage', 'vanished', 'differs', 'access-denied', 'disk-full', 'manifest-corrupt', 'locked', 'remote-unavailable', 'interrupted', 'terminated'];
    assert.deepEqual(codes, [0, ...used.filter(isErrorCode).map(exitCodeOf)]);
  });
});
