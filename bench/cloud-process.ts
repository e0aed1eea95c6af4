/** The embedded cloud in a process of its own, for a bench: says where it is, and on demand what it was asked. */
import { startLocalCloud } from '../src/local/cloud.js';
import type { CloudCounts, CloudPlace } from './cloud.js';

const [dataDirectory = '', latencyMs = ''] = process.argv.slice(2);
const operations: Record<string, number> = {};
const counts = { kmsCalls: 0, ossRequests: 0, ossBytes: 0 };
const cloud = await startLocalCloud({
  dataDirectory, bucket: 'bench', kmsLatencyMs: Number(latencyMs),
  log: ({ service, operation, bytes }) => {
    operations[operation] = (operations[operation] ?? 0) + 1;
    counts.kmsCalls += service === 'kms' ? 1 : 0;
    counts.ossRequests += service === 'oss' ? 1 : 0;
    counts.ossBytes += service === 'oss' ? bytes : 0;
  },
});
process.on('message', () => process.send?.({ ...counts, operations } satisfies CloudCounts));
process.on('disconnect', () => void cloud.close());
const { oss, kms, accessKeyId, accessKeySecret } = cloud;
process.send?.({ oss, kms, accessKeyId, accessKeySecret } satisfies CloudPlace);
