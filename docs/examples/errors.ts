/** What goes wrong has a class and a code; the message names the object, the cause and the way out. */
import { AuthenticationError, CryptoBucket, EnvelopeError, isSealiftError, MasterKeyError, RsaProvider, StoreError } from 'sealift';
import { bucketName, credentials, endpoint } from './environment.js';

const common = { endpoint, bucket: bucketName, credentials };
const bucket = new CryptoBucket({ ...common, cryptoProvider: new RsaProvider({ directory: 'keys' }) });
const stranger = new CryptoBucket({ ...common, cryptoProvider: new RsaProvider({ directory: 'other-keys' }) });
await bucket.putObject('examples/secret.txt', 'for us alone');

await explain(() => bucket.getObject('examples/no-such-object'));
await explain(() => stranger.getObject('examples/secret.txt'));
await explain(() => bucket.putObject('examples/clash.txt', 'x', { metadata: { 'sealift-tag': 'mine' } }));
await explain(() => new CryptoBucket({ ...common, cryptoProvider: [] }).putObject('examples/nothing.txt', 'x'));
await Promise.all([bucket.close(), stranger.close()]);

async function explain(operation: () => Promise<unknown>): Promise<void> {
  try {
    await operation();
  } catch (error) {
    if (error instanceof StoreError && error.code === 'not-found') {
      console.log(`there is no ${error.object ?? ''}`);
    } else if (error instanceof AuthenticationError) {
      console.log('changed, or sealed under another key: do not use it');
    } else if (error instanceof EnvelopeError || error instanceof MasterKeyError) {
      console.log(`${error.code}: ${error.message}`);
    } else {
      throw isSealiftError(error) ? new Error(`${error.message}; ${error.remedy ?? ''}`) : error;
    }
  }
}
