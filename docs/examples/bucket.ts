/** One bucket whose objects are sealed before they leave and verified before anybody sees them. */
import { CryptoBucket, RsaProvider } from 'sealift';
import { bucketName, credentials, endpoint } from './environment.js';

// The key directory that the Python SDK uses; a pair is made in it on first use.
const cryptoProvider = new RsaProvider({ directory: 'keys' });
const bucket = new CryptoBucket({ endpoint, bucket: bucketName, credentials, cryptoProvider });

await bucket.putObject('examples/motto.txt', 'work hard, play hard', { metadata: { author: 'Ada' } });

const motto = await bucket.getObject('examples/motto.txt');
console.log(await motto.text(), motto.authenticated, motto.metadata);

for await (const { name, sizeBytes } of bucket.listObjects('examples/motto')) {
  console.log(name, sizeBytes);
}
const { envelope, sealed } = await bucket.headObject('examples/motto.txt');
console.log(envelope, sealed);

await bucket.deleteObject('examples/motto.txt');
await bucket.close();
