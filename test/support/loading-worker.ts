import { writeFileSync } from 'node:fs';

/** A worker that does nothing but leave a file behind once it has loaded. */
writeFileSync(process.env['SEALIFT_TEST_LOADED_FILE'] ?? '', '');

export default function run(): void {
  return;
}
