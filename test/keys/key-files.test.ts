import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import forge from 'node-forge';
import { createRsaKey, loadRsaKey, saveRsaKey } from '../../src/keys/key-files.js';
import { parseKey } from '../../src/keys/key-formats.js';
import { Passphrase } from '../../src/keys/passphrase.js';
import { isSealiftError } from '../../src/errors.js';
import { publicHalf, vectorKey } from './fixtures.js';

const key = vectorKey();
const privateKey = key.privateKey ?? assert.fail();
const passphrase = new Passphrase('pässphrase');
const secret = passphrase.reveal();

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealift-keys-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: string | Buffer, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

/** A certificate over the test key, and a PKCS#12 store of both, in the old and the new encryption. */
const forgeKey = forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
const certificate = forge.pki.createCertificate();
certificate.publicKey = forge.pki.rsa.setPublicKey(forgeKey.n, forgeKey.e);
certificate.serialNumber = '01';
certificate.validity.notBefore = new Date(0);
certificate.validity.notAfter = new Date(1000);
certificate.setSubject([{ name: 'commonName', value: 'test' }]);
certificate.sign(forgeKey, forge.md.sha256.create());
const certificatePem = forge.pki.certificateToPem(certificate);

function pkcs12(withKey: boolean, algorithm: 'aes256' | '3des', password: string): Buffer {
  const store = forge.pkcs12.toPkcs12Asn1(withKey ? forgeKey : null, certificate, password, { algorithm, count: 1000 });
  return Buffer.from(forge.asn1.toDer(store).getBytes(), 'latin1');
}

const pem = (of: KeyObject, type: 'pkcs1' | 'pkcs8' | 'spki', protection = {}) => of.export({ type, format: 'pem', ...protection } as never) as unknown as string;
const der = (of: KeyObject, type: 'pkcs1' | 'pkcs8' | 'spki', protection = {}) => of.export({ type, format: 'der', ...protection } as never) as unknown as Buffer;
const aes = { cipher: 'aes-256-cbc', passphrase: secret };

const PRIVATE: readonly (readonly [string, string | Buffer, boolean])[] = [
  ['PKCS#1 PEM', pem(privateKey, 'pkcs1'), false],
  ['PKCS#8 PEM', pem(privateKey, 'pkcs8'), false],
  ['PKCS#1 DER', der(privateKey, 'pkcs1'), false],
  ['PKCS#8 DER', der(privateKey, 'pkcs8'), false],
  ['PKCS#1 PEM with DEK-Info, AES', pem(privateKey, 'pkcs1', aes), true],
  ['PKCS#1 PEM with DEK-Info, 3DES, as the Python SDK writes', pem(privateKey, 'pkcs1', { cipher: 'des-ede3-cbc', passphrase: secret }), true],
  ['PKCS#8 PEM, PBES2', pem(privateKey, 'pkcs8', aes), true],
  ['PKCS#8 DER, PBES2', der(privateKey, 'pkcs8', aes), true],
  ['PKCS#12, AES', pkcs12(true, 'aes256', 'pässphrase'), true],
  ['PKCS#12, 3DES', pkcs12(true, '3des', 'pässphrase'), true],
  ['PKCS#12 with an empty passphrase', pkcs12(true, '3des', ''), false],
  ['a certificate and a key in one PEM', certificatePem + pem(privateKey, 'pkcs8'), false],
  ['a PEM with text around it', `Bag Attributes\n    friendlyName: x\n${pem(privateKey, 'pkcs8')}\n# end\n`, false],
];

const PUBLIC: readonly (readonly [string, string | Buffer])[] = [
  ['SPKI PEM', pem(key.publicKey, 'spki')],
  ['SPKI DER', der(key.publicKey, 'spki')],
  ['PKCS#1 public PEM', pem(key.publicKey, 'pkcs1')],
  ['X.509 PEM', certificatePem],
  ['X.509 DER', Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes(), 'latin1')],
];

describe('loadRsaKey', () => {
  for (const [name, content, isEncrypted] of PRIVATE) {
    it(`reads ${name}`, async () => {
      const path = await file('any.key', content);
      const loaded = await loadRsaKey(path, isEncrypted ? { passphrase } : {});
      assert.equal(loaded.fingerprint, key.fingerprint);
      assert.ok(loaded.privateKey);
      if (isEncrypted) {
        await assert.rejects(loadRsaKey(path), { name: 'MasterKeyError', code: 'passphrase-wrong', exitCode: 5, message: /needs its passphrase/ });
        await assert.rejects(loadRsaKey(path, { passphrase: new Passphrase('wrong') }), { code: 'passphrase-wrong', object: path });
      }
      await chmod(path, 0o640);
      await assert.rejects(loadRsaKey(path, { passphrase }), { name: 'MasterKeyError', code: 'key-file-unsafe', remedy: `Run: chmod 600 '${path}'` });
    });
  }

  for (const [name, content] of PUBLIC) {
    it(`reads ${name}, readable by all, as a key that only seals`, async () => {
      const loaded = await loadRsaKey(await file('any.pub', content, 0o644), { materialDescription: { a: 'b' } });
      assert.equal(loaded.fingerprint, key.fingerprint);
      assert.equal(loaded.privateKey, undefined);
      assert.deepEqual(loaded.materialDescription, { a: 'b' });
    });
  }

  it('takes the certificate of a PKCS#12 store that has no key', async () => {
    const loaded = await loadRsaKey(await file('trust.p12', pkcs12(false, 'aes256', 'pässphrase')), { passphrase });
    assert.equal(loaded.privateKey, undefined);
    assert.equal(loaded.fingerprint, key.fingerprint);
  });

  it('ignores a passphrase that nothing asks for', async () => {
    const loaded = await loadRsaKey(await file('plain.key', pem(privateKey, 'pkcs8')), { passphrase });
    assert.equal(loaded.fingerprint, key.fingerprint);
  });

  it('names a missing file', async () => {
    const path = join(folder, 'missing');
    await assert.rejects(loadRsaKey(path), { code: 'key-file-invalid', exitCode: 2, object: path, message: `${path} does not exist` });
  });

  it('refuses what is no RSA key, names the file and repeats none of it', async () => {
    const curve = generateKeyPairSync('ed25519').privateKey;
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const cases: readonly (readonly [string | Buffer, RegExp])[] = [
      ['', /no RSA key/], ['hello CANARY', /no RSA key/], [Buffer.from('3003020101', 'hex'), /no RSA key/],
      ['-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n', /no RSA key/],
      ['-----BEGIN CERTIFICATE-----\nCANARY\n-----END CERTIFICATE-----\n', /no RSA key/],
      [pem(curve, 'pkcs8'), /ed25519/], [pem(small, 'pkcs8'), /1024 bits/],
    ];
    for (const [content, message] of cases) {
      const path = await file('bad.key', content);
      await assert.rejects(loadRsaKey(path), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(path));
        assert.doesNotMatch(JSON.stringify([error.message, error.stack, error.cause]), /CANARY/);
        return isSealiftError(error) && error.code === 'key-file-invalid';
      });
    }
  });

  it('answers any bytes with a key or a typed error', async () => {
    const der8 = der(privateKey, 'pkcs8');
    const mutated = fc.tuple(fc.nat(der8.length - 1), fc.nat(255)).map(([at, value]) => {
      const copy = Buffer.from(der8);
      copy[at] = value;
      return copy;
    });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)), mutated);
    await fc.assert(fc.asyncProperty(bytes, async (input) => {
      try {
        assert.equal((await parseKey(input, { path: 'x' })).type.length > 0, true);
      } catch (error) {
        assert.ok(isSealiftError(error), String(error));
      }
    }), { numRuns: 200 });
  });
});

describe('the key directory of the Python SDK', () => {
  async function directory(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const path = join(folder, name);
    await mkdir(path);
    for (const [leaf, content] of Object.entries(files)) {
      await writeFile(join(path, leaf), content, { mode: 0o600 });
    }
    return path;
  }
  const pair = (prefix: string) => ({ [`${prefix}.private_key.pem`]: pem(privateKey, 'pkcs1'), [`${prefix}.public_key.pem`]: pem(key.publicKey, 'spki') });

  it('is read by prefix, and whole when it holds one pair', async () => {
    const path = await directory('one', { ...pair('mykey'), 'notes.txt': 'x' });
    for (const name of [path, join(path, 'mykey')]) {
      const loaded = await loadRsaKey(name);
      assert.equal(loaded.fingerprint, key.fingerprint);
      assert.ok(loaded.privateKey);
    }
  });

  it('is read when the prefix is empty, which is the default of the SDK', async () => {
    assert.ok((await loadRsaKey(await directory('default', pair('')))).privateKey);
  });

  it('is read for sealing when only the public half is there', async () => {
    const path = await directory('public', { 'k.public_key.pem': pem(key.publicKey, 'spki') });
    assert.equal((await loadRsaKey(path)).privateKey, undefined);
    assert.equal((await loadRsaKey(join(path, 'k'))).privateKey, undefined);
  });

  it('is refused when it holds several pairs, or none', async () => {
    const two = await directory('two', { ...pair('a'), ...pair('b') });
    await assert.rejects(loadRsaKey(two), { code: 'key-file-invalid', message: /2 key pairs/ });
    assert.ok((await loadRsaKey(join(two, 'b'))).privateKey);
    await assert.rejects(loadRsaKey(await directory('none', {})), { code: 'key-file-invalid', message: /holds no/ });
  });
});

describe('createRsaKey and saveRsaKey', () => {
  it('write a private file for the owner alone and a public one for all', async () => {
    const path = join(folder, 'new.key');
    const created = await createRsaKey(path, { bits: 2048 });
    assert.equal(created.bits, 2048);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(`${path}.pub`)).mode & 0o777, 0o644);
    assert.match(await readFile(path, 'utf8'), /^-----BEGIN PRIVATE KEY-----/);
    assert.equal((await loadRsaKey(path)).fingerprint, created.fingerprint);
    const half = await loadRsaKey(`${path}.pub`);
    assert.equal(half.fingerprint, created.fingerprint);
    assert.equal(half.privateKey, undefined);
  });

  it('encrypt under a passphrase with 600,000 rounds, readable by Node and by forge', async () => {
    const path = join(folder, 'locked.key');
    await saveRsaKey(path, key, { passphrase });
    const text = await readFile(path, 'utf8');
    assert.match(text, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    assert.ok(Buffer.from(text.replace(/-----.*-----|\s/g, ''), 'base64').toString('hex').includes('0203' + (600_000).toString(16).padStart(6, '0')));
    assert.equal(createPrivateKey({ key: text, passphrase: secret }).asymmetricKeyType, 'rsa');
    assert.equal((await loadRsaKey(path, { passphrase })).fingerprint, key.fingerprint);
    await assert.rejects(loadRsaKey(path, { passphrase: new Passphrase('pässphrasf') }), { code: 'passphrase-wrong' });
  });

  it('never overwrite, and leave nothing behind when they may not', async () => {
    const path = join(folder, 'taken.key');
    await writeFile(`${path}.pub`, 'mine');
    await assert.rejects(saveRsaKey(path, key), { code: 'exists', object: `${path}.pub` });
    assert.ok(!(await readdir(folder)).includes('taken.key'), 'the private half is taken back');
    assert.equal(await readFile(`${path}.pub`, 'utf8'), 'mine');
    await rm(`${path}.pub`);
    await writeFile(path, 'mine');
    await assert.rejects(saveRsaKey(path, key), { code: 'exists', object: path });
    assert.equal(await readFile(path, 'utf8'), 'mine');
  });

  it('write only the public half of a key that only seals', async () => {
    const path = join(folder, 'half.key');
    await saveRsaKey(path, publicHalf(key));
    assert.deepEqual((await readdir(folder)).filter((name) => name.startsWith('half.key')), ['half.key.pub']);
  });

  it('name a folder that does not exist', async () => {
    await assert.rejects(saveRsaKey(join(folder, 'no', 'such.key'), key), { code: 'key-file-invalid', exitCode: 2, message: /folder/ });
  });
});
