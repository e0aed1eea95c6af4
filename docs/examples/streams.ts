/** Content whose length nobody knows beforehand: memory stays bounded, whatever it turns out to be. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { CryptoBucket, RsaProvider } from 'sealift';
import { bucketName, credentials, endpoint } from './environment.js';

const bucket = new CryptoBucket({ endpoint, bucket: bucketName, credentials, cryptoProvider: new RsaProvider({ directory: 'keys' }) });

// What does not fit into one part waits in temporaryDirectory, as ciphertext.
const compressed = Readable.from(lines()).pipe(createGzip());
const { sizeBytes } = await bucket.putObject('examples/numbers.gz', compressed);
console.log(`sealed a stream: ${sizeBytes > 0}`);

// The stream that comes back is verified already, from its first byte to its last.
const { content } = await bucket.getObject('examples/numbers.gz');
let characters = 0;
await pipeline(content, createGunzip(), async (source: AsyncIterable<Buffer>) => {
  for await (const chunk of source) {
    characters += chunk.length;
  }
});
console.log(`read ${characters} characters`);
await bucket.close();

function* lines(): Generator<string> {
  for (let number = 0; number < 1000; number += 1) {
    yield `line ${number}\n`;
  }
}
