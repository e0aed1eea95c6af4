import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import yargs from 'yargs';
import { keysCommand } from '../../src/commands/keys.js';
import { askSecretly } from '../../src/commands/prompt.js';
import type { KeysContext } from '../../src/commands/run-keys.js';
import { loadRsaKey } from '../../src/keys/key-files.js';
import { Passphrase } from '../../src/keys/passphrase.js';
import { vectorKey } from '../keys/fixtures.js';
import { keyFile } from '../support/cli.js';

const PASSPHRASE = 'correct horse';
const passphrase = new Passphrase(PASSPHRASE);

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealift-keys-command-'));
  await writeFile(join(folder, 'pass'), `${PASSPHRASE}\n`, { mode: 0o600 });
  await run(['keys', 'create', 'locked.key', '--bits', '2048', '--passphrase-file', 'pass']);
  keyFile({ path: (name) => join(folder, name) }, vectorKey(), 'quick.key', PASSPHRASE);
});
after(() => rm(folder, { recursive: true, force: true }));

interface Run {
  readonly output: string;
  readonly questions: readonly string[];
}

async function run(args: readonly string[], answers: readonly string[] = []): Promise<Run> {
  const written: string[] = [];
  const questions: string[] = [];
  const ask = (question: string) => Promise.resolve(answers[questions.push(question) - 1] ?? '');
  const stdout = { write: (text: string) => written.push(text) };
  const context: KeysContext = { env: { PASS: PASSPHRASE }, cwd: folder, stdout, now: () => 0, ask };
  await parser(context).parseAsync([...args]);
  assert.ok(!written.join('').includes(PASSPHRASE), 'no passphrase in the output');
  return { output: written.join(''), questions };
}

function parser(context: KeysContext) {
  return yargs().scriptName('sealift').locale('en').command({ command: 'keys', ...keysCommand(context) }).strict().exitProcess(false).fail((message: string, error?: Error) => {
    throw error ?? new Error(message);
  });
}

async function help(...args: string[]): Promise<string> {
  const context: KeysContext = { env: {}, cwd: folder, stdout: { write: () => true }, now: () => 0 };
  return new Promise((resolve, reject) => {
    void parser(context).parse([...args, '--help'], {}, (error, _argv, output) => (error ? reject(error) : resolve(output)));
  });
}

describe('keys create', () => {
  it('makes a pair and says where it is', async () => {
    const { output } = await run(['keys', 'create', 'a.key', '--bits', '2048']);
    const key = await loadRsaKey(join(folder, 'a.key'));
    assert.equal(output, [
      'RSA-2048 key created',
      `  private key  ${folder}/a.key (mode 0600, no passphrase)`,
      `  public key   ${folder}/a.key.pub`,
      `  fingerprint  ${key.fingerprint}`,
      'Keep a copy of the private key in a safe place: without it nobody can open what it sealed.',
      '',
    ].join('\n'));
    assert.equal((await stat(join(folder, 'a.key'))).mode & 0o777, 0o600);
  });

  it('has 3,072 bits unless told otherwise, and speaks JSON', async () => {
    const { output } = await run(['keys', 'create', 'json.key', '--json', '--passphrase-env', 'PASS']);
    const { fingerprint } = await loadRsaKey(join(folder, 'json.key'), { passphrase });
    assert.deepEqual(JSON.parse(output), {
      v: 1, event: 'key', time: '1970-01-01T00:00:00.000Z', action: 'created', file: join(folder, 'json.key'), kind: 'rsa', bits: 3072, fingerprint, seals: true, opens: true,
    });
  });

  it('asks twice, and writes nothing when the answers differ', async () => {
    const { questions } = await run(['keys', 'create', 'asked.key', '--bits', '2048', '--passphrase-prompt'], [PASSPHRASE, PASSPHRASE]);
    assert.equal(questions.length, 2);
    assert.ok((await loadRsaKey(join(folder, 'asked.key'), { passphrase })).privateKey);
    await assert.rejects(run(['keys', 'create', 'typo.key', '--passphrase-prompt'], ['one', 'two']), { code: 'usage', exitCode: 2 });
    assert.ok(!(await readdir(folder)).some((name) => name.startsWith('typo.key')));
  });

  it('never overwrites', async () => {
    const path = join(folder, 'mine.key');
    await writeFile(path, 'mine');
    await assert.rejects(run(['keys', 'create', 'mine.key', '--bits', '2048']), { code: 'exists', object: path });
    assert.equal(await readFile(path, 'utf8'), 'mine');
  });

  it('offers three sizes and takes no passphrase as an argument', async () => {
    await assert.rejects(run(['keys', 'create', 'x.key', '--bits', '1024']), /2048.*3072.*4096/s);
    await assert.rejects(run(['keys', 'create', 'x.key', '--passphrase', 'secret']), /Unknown argument/);
  });
});

describe('keys show', () => {
  it('tells a private key from a public one', async () => {
    const { fingerprint } = await loadRsaKey(join(folder, 'locked.key.pub'));
    const whole = await run(['keys', 'show', 'locked.key', '--passphrase-file', 'pass']);
    assert.equal(whole.output, `RSA-2048\n  file         ${folder}/locked.key\n  fingerprint  ${fingerprint}\n  use          seals and opens\n`);
    const half = await run(['keys', 'show', 'locked.key.pub']);
    assert.match(half.output, /seals only/);
    const json: unknown = JSON.parse((await run(['keys', 'show', 'locked.key.pub', '--json'])).output);
    assert.deepEqual(json, {
      v: 1, event: 'key', time: '1970-01-01T00:00:00.000Z', action: 'shown', file: join(folder, 'locked.key.pub'), kind: 'rsa', bits: 2048, fingerprint, seals: true, opens: false,
    });
  });

  it('asks once', async () => {
    assert.equal((await run(['keys', 'show', 'quick.key', '--passphrase-prompt'], [PASSPHRASE])).questions.length, 1);
    await assert.rejects(run(['keys', 'show', 'quick.key', '--passphrase-prompt'], ['wrong']), { code: 'passphrase-wrong', exitCode: 5 });
    await assert.rejects(run(['keys', 'show', 'quick.key']), { code: 'passphrase-wrong', remedy: /--passphrase-prompt/ });
  });

  it('prints a hostile name on one line', async () => {
    const path = join(folder, 'line\nbreak.key');
    await writeFile(path, vectorKey().publicKey.export({ type: 'spki', format: 'pem' }));
    assert.match((await run(['keys', 'show', path])).output, /line\\x0abreak/);
  });
});

describe('keys import', () => {
  it('turns a key of the Python SDK into ours', async () => {
    const { privateKey, publicKey, fingerprint } = vectorKey();
    const prefix = join(folder, 'sdk');
    await writeFile(`${prefix}.private_key.pem`, privateKey?.export({ type: 'pkcs1', format: 'pem' }) ?? assert.fail(), { mode: 0o600 });
    await writeFile(`${prefix}.public_key.pem`, publicKey.export({ type: 'spki', format: 'pem' }));
    const { output } = await run(['keys', 'import', 'sdk', 'imported.key']);
    assert.match(output, /^RSA-2048 key imported\n {2}private key/);
    assert.equal((await loadRsaKey(join(folder, 'imported.key'))).fingerprint, fingerprint);
    await chmod(`${prefix}.private_key.pem`, 0o644);
    await assert.rejects(run(['keys', 'import', 'sdk', 'again.key']), { code: 'key-file-unsafe', exitCode: 5 });
  });

  it('keeps the passphrase of the original', async () => {
    const { output } = await run(['keys', 'import', 'quick.key', 'copy.key', '--passphrase-env', 'PASS']);
    assert.match(output, /encrypted under the passphrase/);
    assert.match(await readFile(join(folder, 'copy.key'), 'utf8'), /ENCRYPTED/);
    assert.ok((await loadRsaKey(join(folder, 'copy.key'), { passphrase })).privateKey);
  });

  it('writes the public half alone of a key that only seals', async () => {
    await writeFile(join(folder, 'only.pem'), vectorKey().publicKey.export({ type: 'spki', format: 'pem' }));
    const { output } = await run(['keys', 'import', 'only.pem', 'half.key']);
    assert.doesNotMatch(output, /private key/);
    assert.deepEqual((await readdir(folder)).filter((name) => name.startsWith('half.key')), ['half.key.pub']);
  });
});

describe('keys --help', () => {
  for (const action of ['create', 'show', 'import']) {
    it(`of ${action} has an example and every default`, async () => {
      const text = await help('keys', action);
      assert.match(text, /Examples:\n\s+sealift keys/);
      assert.equal(text.match(/\[default: none\]/g)?.length, 2);
      assert.ok((text.match(/\[default: false\]/g)?.length ?? 0) >= 2);
    });
  }

  it('names the three actions, and asks for one', async () => {
    assert.match(await help('keys'), /keys create[\s\S]*keys show[\s\S]*keys import/);
    await assert.rejects(run(['keys']), /create, show or import/);
    await assert.rejects(run(['keys', 'destroy']), /Unknown/);
  });
});

describe('askSecretly', () => {
  function terminal(): { input: PassThrough & { isTTY: boolean }; output: { write: (text: string) => void }; shown: string[] } {
    const shown: string[] = [];
    return { input: Object.assign(new PassThrough(), { isTTY: true }), output: { write: (text) => void shown.push(text) }, shown };
  }

  it('shows the question and not the answer', async () => {
    const { input, output, shown } = terminal();
    const answer = askSecretly('Passphrase: ', { input, output });
    input.write('secret\r');
    assert.equal(await answer, 'secret');
    assert.deepEqual(shown, ['Passphrase: ', '\n']);
  });

  it('asks again on the same terminal', async () => {
    const { input, output } = terminal();
    for (const word of ['one', 'two']) {
      const answer = askSecretly('? ', { input, output });
      input.write(`${word}\n`);
      assert.equal(await answer, word);
    }
  });

  it('ends on Ctrl-C and at the end of the input', async () => {
    const first = terminal();
    const interrupted = askSecretly('? ', first);
    first.input.write('\u0003');
    await assert.rejects(interrupted, { code: 'interrupted', exitCode: 130 });
    const second = terminal();
    const ended = askSecretly('? ', second);
    second.input.end();
    await assert.rejects(ended, { code: 'usage' });
  });

  it('does not ask where nobody can answer', async () => {
    const { output, shown } = terminal();
    await assert.rejects(askSecretly('? ', { input: new PassThrough(), output }), { code: 'usage', remedy: /--passphrase-file/ });
    assert.deepEqual(shown, []);
  });
});
