/** Files of any size, with progress and a way to stop. */
import { readFile, writeFile } from 'node:fs/promises';
import { CryptoBucket, loadRsaKey, RsaProvider } from 'sealift';
import { bucketName, credentials, endpoint, keyFile } from './environment.js';

const cryptoProvider = new RsaProvider({ keyPair: await loadRsaKey(keyFile) });
const bucket = new CryptoBucket({ endpoint, bucket: bucketName, credentials, cryptoProvider, partBytes: 1024 * 1024, memoryBytes: 16 * 1024 * 1024 });
await writeFile('big.bin', Buffer.alloc(10 * 1024 * 1024, 'sealift '));

const timeout = AbortSignal.timeout(60_000);
await bucket.putObjectFromFile('examples/big.bin', 'big.bin', {
  signal: timeout,
  onProgress: ({ movedBytes, totalBytes }) => {
    if (movedBytes === totalBytes) {
      console.log(`sent ${movedBytes} bytes`);
    }
  },
});

// download.bin gets its name when every byte of it is verified and on disk, and not before.
const { authenticated } = await bucket.getObjectToFile('examples/big.bin', 'download.bin', { signal: timeout });
const same = (await readFile('big.bin')).equals(await readFile('download.bin'));
console.log(`authenticated ${authenticated}, the same bytes: ${same}`);
await bucket.close();
