import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { Passphrase, resolvePassphrase, type PassphraseContext } from '../../src/keys/passphrase.js';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealift-passphrase-'));
});
after(() => rm(folder, { recursive: true, force: true }));

function answering(...answers: string[]): PassphraseContext & { questions: string[] } {
  const questions: string[] = [];
  const ask = (question: string) => {
    questions.push(question);
    return Promise.resolve(answers[questions.length - 1] ?? '');
  };
  return { environment: { PASS: 'from the environment', EMPTY: '' }, ask, questions };
}

async function secretFile(text: string | Buffer, mode = 0o600): Promise<string> {
  const path = join(folder, `secret-${Math.random()}`);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

const text = (passphrase: Passphrase | undefined) => passphrase?.reveal().toString('utf8');

describe('Passphrase', () => {
  it('shows itself to nobody', () => {
    const secret = new Passphrase('correct horse');
    for (const shown of [String(secret), JSON.stringify({ secret }), inspect(secret, { depth: 9, showHidden: true }), inspect({ secret })]) {
      assert.doesNotMatch(shown, /horse|636f/);
    }
  });

  it('gives a copy that may be wiped', () => {
    const secret = new Passphrase('ünïcode');
    secret.reveal().fill(0);
    assert.equal(text(secret), 'ünïcode');
  });

  it('has 1 to 1,024 bytes', () => {
    assert.throws(() => new Passphrase(''), RangeError);
    assert.throws(() => new Passphrase('ü'.repeat(513)), RangeError);
    assert.equal(text(new Passphrase('ü'.repeat(512)))?.length, 512);
  });
});

describe('resolvePassphrase', () => {
  it('gives none when there is no source', async () => {
    assert.equal(await resolvePassphrase({}, answering()), undefined);
  });

  it('reads the first line of a file, as it is', async () => {
    for (const [content, expected] of [['secret', 'secret'], ['secret\n', 'secret'], ['secret\r\nmore\n', 'secret'], [' a b \n', ' a b '], ['x\n\n', 'x']] as const) {
      assert.equal(text(await resolvePassphrase({ file: await secretFile(content) }, answering())), expected);
    }
  });

  it('refuses a file that others may read, and says what to do', async () => {
    const file = await secretFile('secret', 0o640);
    await assert.rejects(resolvePassphrase({ file }, answering()), { code: 'key-file-unsafe', exitCode: 5, object: file, remedy: `Run: chmod 600 '${file}'` });
  });

  it('names a file that is missing or empty', async () => {
    const missing = join(folder, 'missing');
    await assert.rejects(resolvePassphrase({ file: missing }, answering()), { code: 'key-file-invalid', exitCode: 2, object: missing });
    await assert.rejects(resolvePassphrase({ file: await secretFile('\nsecond') }, answering()), { code: 'usage' });
    await assert.rejects(resolvePassphrase({ file: folder }, answering()), { code: 'key-file-invalid', message: /directory/ });
    await assert.rejects(resolvePassphrase({ file: await secretFile(Buffer.alloc(1024 * 1024 + 1, 97)) }, answering()), { code: 'key-file-invalid', message: /larger/ });
  });

  it('reads a variable and names one that is unset or empty', async () => {
    assert.equal(text(await resolvePassphrase({ env: 'PASS' }, answering())), 'from the environment');
    await assert.rejects(resolvePassphrase({ env: 'EMPTY' }, answering()), { code: 'usage', message: /EMPTY/ });
    await assert.rejects(resolvePassphrase({ env: 'NO_SUCH' }, answering()), { code: 'usage', message: /NO_SUCH/ });
  });

  it('asks once to open and twice to protect', async () => {
    const once = answering('secret');
    assert.equal(text(await resolvePassphrase({ prompt: true }, once)), 'secret');
    assert.equal(once.questions.length, 1);
    const twice = answering('secret', 'secret');
    assert.equal(text(await resolvePassphrase({ prompt: true }, { ...twice, confirm: true })), 'secret');
    assert.equal(twice.questions.length, 2);
    await assert.rejects(resolvePassphrase({ prompt: true }, { ...answering('secret', 'secrte'), confirm: true }), { code: 'usage', message: /differ/ });
    await assert.rejects(resolvePassphrase({ prompt: true }, answering('')), { code: 'usage' });
  });

  it('refuses two sources, and an overlong one without repeating it', async () => {
    await assert.rejects(resolvePassphrase({ env: 'PASS', prompt: true }, answering('x')), { code: 'usage', message: /one source/ });
    const long = 'z'.repeat(1025);
    await assert.rejects(resolvePassphrase({ prompt: true }, answering(long)), (error: Error) => !error.message.includes('zzz') && error.message.includes('1024'));
  });
});
