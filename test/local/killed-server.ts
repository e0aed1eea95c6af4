/** An embedded cloud in a process of its own, for a test to kill. */
import { startLocalCloud } from '../../src/local/cloud.js';

const { oss, kms, accessKeyId, accessKeySecret } = await startLocalCloud({ dataDirectory: process.argv[2] ?? '', bucket: 'b-1' });
process.send?.({ oss, kms, accessKeyId, accessKeySecret });
