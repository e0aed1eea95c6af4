/** A new master key beside the old one: the first provider seals, all of them open. */
import { generateKeyPairSync } from 'node:crypto';
import { CryptoBucket, RsaProvider } from 'sealift';
import { bucketName, credentials, endpoint } from './environment.js';

const { privateKey: oldKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const { privateKey: newKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const common = { endpoint, bucket: bucketName, credentials };

// The description stands in every object, so that the right key is found at once.
const before = new RsaProvider({ privateKey: oldKey, materialDescription: { key: '2023' } });
const after = new RsaProvider({ privateKey: newKey, materialDescription: { key: '2024' } });

const old = new CryptoBucket({ ...common, cryptoProvider: before });
await old.putObject('examples/old.txt', 'sealed last year');

const bucket = new CryptoBucket({ ...common, cryptoProvider: [after, before] });
await bucket.putObject('examples/new.txt', 'sealed this year');
for (const name of ['examples/old.txt', 'examples/new.txt']) {
  console.log(await (await bucket.getObject(name)).text());
}
await Promise.all([old.close(), bucket.close()]);
