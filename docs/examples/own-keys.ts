/** A private key that never leaves its device: a provider of your own. Here for an HSM that decrypts with OAEP. */
import { constants, generateKeyPairSync, privateDecrypt, type KeyObject } from 'node:crypto';
import { CryptoBucket, type CryptoProvider, type KeyUnwrapper, type UnwrappedKeys } from 'sealift';
import { DataKey, StartBlock, rsaKey, rsaWrapper } from 'sealift/format';
import { bucketName, credentials, endpoint } from './environment.js';

const device = openDevice();
const key = rsaKey(device.publicKey);

const unwrapper: KeyUnwrapper = {
  description: `HSM ${key.fingerprint}`,
  wrapAlgorithms: ['rsa'],
  materialDescription: undefined,
  // Both are always asked for: which of them the device refuses tells an attacker something.
  unwrap: async ({ wrappedKey, wrappedStart }) => toKeys(await device.decrypt(wrappedKey), await device.decrypt(wrappedStart)),
};

const cryptoProvider: CryptoProvider = {
  // The public key is enough to seal. Another KMS would need a KeyWrapper of its own, with a DataKey for every object.
  wrapper: (family) => Promise.resolve(rsaWrapper(key, family)),
  unwrapper: () => Promise.resolve(unwrapper),
};

const bucket = new CryptoBucket({ endpoint, bucket: bucketName, credentials, cryptoProvider });
await bucket.putObject('examples/device.txt', 'opened by a device');
const opened = await bucket.getObject('examples/device.txt');
console.log(await opened.text(), opened.authenticated);
await bucket.close();

/** Null says that this is not our object, so that other keys are tried. */
function toKeys(dataKey: Buffer | null, start: Buffer | null): UnwrappedKeys | null {
  if (dataKey?.length !== 32 || start === null) {
    dataKey?.fill(0);
    return null;
  }
  // `adopt` takes the bytes and zeroes the buffer.
  return { dataKey: DataKey.adopt(dataKey), startBlock: StartBlock.fromDecimal(start.toString('latin1')) };
}

/** Stands in for PKCS#11 or a network HSM. */
function openDevice(): { publicKey: KeyObject; decrypt: (wrapped: string) => Promise<Buffer | null> } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const recipient = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  return {
    publicKey,
    decrypt: async (wrapped) => {
      await Promise.resolve();
      try {
        return privateDecrypt(recipient, Buffer.from(wrapped, 'base64'));
      } catch {
        return null;
      }
    },
  };
}
