/** An embedded cloud that counts what it is asked, apart from the process that asks. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LocalCloud } from '../src/local/cloud.js';

export type CloudPlace = Pick<LocalCloud, 'oss' | 'kms' | 'accessKeyId' | 'accessKeySecret'>;

/** Since the start; requests that were refused are counted too. */
export interface CloudCounts {
  readonly kmsCalls: number;
  readonly ossRequests: number;
  /** Of request bodies that reached OSS. */
  readonly ossBytes: number;
  /** By name: `PutObject`, `GenerateDataKey` … */
  readonly operations: Readonly<Record<string, number>>;
}

export interface CountedCloud extends CloudPlace {
  counts(): Promise<CloudCounts>;
  stop(): Promise<void>;
}

/** Keeps its data below `dataDirectory`; the KMS waits before each answer. */
export async function startCountedCloud(dataDirectory: string, kmsLatencyMs: number): Promise<CountedCloud> {
  const child = fork(fileURLToPath(new URL('./cloud-process.js', import.meta.url)), [dataDirectory, String(kmsLatencyMs)]);
  const place = await told<CloudPlace>(child);
  return {
    ...place,
    counts: async () => {
      child.send('counts');
      return await told<CloudCounts>(child);
    },
    stop: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function told<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T];
  return message;
}
