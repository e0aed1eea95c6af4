/**
 * What do the keys of one object cost? `node dist/bench/wrap.js`
 *
 * µs of CPU time per object, by the bits of the RSA key: wrapping a data key with a KeyObject, with its options in words and with PEM text, what
 * Sealift does for each object, start block included, and opening again.
 */
import { constants, createPublicKey, generateKeyPairSync, privateDecrypt, publicEncrypt, randomBytes, type KeyPairKeyObjectResult } from 'node:crypto';
import { SharedStart } from '../src/keys/wrapped-start.js';
import { rsaKey, rsaUnwrapper, rsaWrapper } from '../src/keys/rsa.js';
import { RSA_KEY_BITS } from '../src/limits.js';
import { machine, mustHold, printRow, timed } from './machine.js';

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' } as const;
const bytes = randomBytes(32);
const pairs = RSA_KEY_BITS.map((modulusLength) => generateKeyPairSync('rsa', { modulusLength }));

console.log(`${machine()}\nµs of CPU per object, median of 5 rounds`);
printRow('RSA key', RSA_KEY_BITS.map((bits) => `${bits} bits`));
await row('publicEncrypt, KeyObject', ({ publicKey }) => () => publicEncrypt(publicKey, bytes));
await row('publicEncrypt, padding and hash in words', ({ publicKey }) => () => publicEncrypt({ key: publicKey, ...OAEP }, bytes));
await row('publicEncrypt, PEM text', ({ publicKey }) => {
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  return () => publicEncrypt(createPublicKey(pem), bytes);
});
await row('keys of an object, shared start block', ({ privateKey }) => {
  const keys = new SharedStart(rsaWrapper(rsaKey(privateKey), 'oss-crypto'));
  return () => keys.next();
});
await row('privateDecrypt, KeyObject', ({ publicKey, privateKey }) => {
  const wrapped = publicEncrypt(publicKey, bytes);
  return () => privateDecrypt(privateKey, wrapped);
});
await row('opened keys of an object, known start block', openingOf);

async function openingOf({ privateKey }: KeyPairKeyObjectResult): Promise<() => unknown> {
  const key = rsaKey(privateKey);
  const { issued, wrappedStart, startBlock } = await new SharedStart(rsaWrapper(key, 'oss-crypto')).next();
  const unwrapper = rsaUnwrapper(key);
  const wrapped = { family: 'oss-crypto', wrapAlgorithm: 'rsa', wrappedKey: issued.wrappedKey, wrappedStart, materialDescription: undefined } as const;
  const opened = await unwrapper.unwrap(wrapped);
  mustHold(opened?.dataKey.keyObject.equals(issued.dataKey.keyObject) === true, 'a wrapped key opens to another one');
  mustHold(opened?.startBlock.bytes.equals(startBlock.bytes) === true, 'a wrapped start block opens to another one');
  return () => unwrapper.unwrap(wrapped);
}

async function row(name: string, workOf: (pair: KeyPairKeyObjectResult) => (() => unknown) | Promise<() => unknown>): Promise<void> {
  const costs: number[] = [];
  for (const pair of pairs) {
    costs.push((await timed(await workOf(pair))).cpuSeconds * 1e6);
  }
  printRow(name, costs, 1);
}
