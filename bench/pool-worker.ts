/** Answers jobs of pool.ts without doing them: what is left is the way there and back. */
import type { Outcome, PushJob } from '../src/run/jobs.js';

export default function answer({ job: { files } }: { readonly job: PushJob }): readonly Outcome[] {
  const stored = { etag: 'D41D8CD98F00B204E9800998ECF8427E', crc64: '12345678901234567890', commitment: 'c'.repeat(64) };
  return files.map(({ id, stat }) => ({ state: 'done', id, stat, stored }));
}
