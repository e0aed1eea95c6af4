/** The embedded cloud in a process of its own, for a bench: says where it is, and on demand how many KMS calls it has answered. */
import { startLocalCloud } from '../src/local/cloud.js';

const [dataDirectory = '', latencyMs = ''] = process.argv.slice(2);
let calls = 0;
const cloud = await startLocalCloud({
  dataDirectory, bucket: 'bench', kmsLatencyMs: Number(latencyMs), log: ({ service }) => void (calls += service === 'kms' ? 1 : 0),
});
process.on('message', () => process.send?.({ calls }));
process.on('disconnect', () => void cloud.close());
const { oss, kms, accessKeyId, accessKeySecret } = cloud;
process.send?.({ oss, kms, accessKeyId, accessKeySecret });
