import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { abortOnSignals, type SignalHost } from '../../src/commands/signals.js';
import { isSealiftError } from '../../src/errors.js';

function host() {
  const listeners = new Map<string, () => void>();
  const exits: number[] = [];
  const said: string[] = [];
  const self: SignalHost = { on: (name, listener) => listeners.set(name, listener), exit: (code) => void exits.push(code), say: (text) => void said.push(text) };
  return { self, exits, said, send: (name: string) => listeners.get(name)?.() };
}

describe('abortOnSignals', () => {
  const cases = [['SIGINT', 130, 'interrupted'], ['SIGTERM', 143, 'terminated']] as const;
  for (const [name, exitCode, code] of cases) {
    it(`aborts at the first ${name} with a reason that carries exit code ${exitCode}`, () => {
      const { self, exits, said, send } = host();
      const signal = abortOnSignals(self);
      assert.equal(signal.aborted, false);
      send(name);
      const reason: unknown = signal.reason;
      assert.ok(isSealiftError(reason));
      assert.deepEqual([reason.code, reason.exitCode, exits, said.length], [code, exitCode, [], 1]);
    });

    it(`ends the process at the second ${name}`, () => {
      const { self, exits, send } = host();
      abortOnSignals(self);
      send('SIGINT');
      send(name);
      assert.deepEqual(exits, [exitCode]);
    });
  }
});
