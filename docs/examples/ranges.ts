/** Parts of an object. No tag covers a part, so whoever reads one has to say that this is acceptable. */
import { CryptoBucket, RsaProvider, isSealiftError } from 'sealift';
import { bucketName, credentials, endpoint } from './environment.js';

const bucket = new CryptoBucket({ endpoint, bucket: bucketName, credentials, cryptoProvider: new RsaProvider({ directory: 'keys' }) });
await bucket.putObject('examples/alphabet.txt', 'abcdefghijklmnopqrstuvwxyz');

try {
  await bucket.getObject('examples/alphabet.txt', { range: { start: 3, end: 6 } });
} catch (error) {
  console.log(isSealiftError(error) ? error.message : error);
}

const part = await bucket.getObject('examples/alphabet.txt', { range: { start: 3, end: 6 }, unverifiedRange: true });
console.log(await part.text(), part.authenticated);
await bucket.close();
