/** A master key that never leaves Alibaba KMS, and two ways to write: for the Python SDK, and for Java and Go. */
import { CryptoBucket, KmsProvider } from 'sealift';
import { bucketName, credentials, endpoint, read, region } from './environment.js';

const key = { keyId: read('KMS_KEY_ID'), region, endpoint: read('KMS_ENDPOINT', `kms.${region}.aliyuncs.com`) };
const common = { endpoint, bucket: bucketName, credentials };

// The passphrase is bound to every key: whoever opens needs it too.
const bucket = new CryptoBucket({ ...common, cryptoProvider: new KmsProvider({ ...key, passphrase: 'not a secret here' }) });
await bucket.putObject('examples/kms.txt', 'sealed under a key in KMS');
const opened = await bucket.getObject('examples/kms.txt');
console.log(await opened.text(), opened.authenticated);

const forJava = new CryptoBucket({ ...common, cryptoProvider: new KmsProvider(key), envelope: 'client-side-encryption' });
await forJava.putObject('examples/java.txt', 'readable by the Java and Go SDKs');
console.log((await forJava.headObject('examples/java.txt')).envelope);
await Promise.all([bucket.close(), forJava.close()]);
