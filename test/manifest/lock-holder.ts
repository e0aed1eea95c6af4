/** A program that takes the lock of argv[2], says so or why not, and keeps it until it is killed or its input ends. */
import { isSealiftError } from '../../src/errors.js';
import { lockManifest } from '../../src/manifest/lock.js';

try {
  const lock = await lockManifest(process.argv[2] ?? '');
  process.stdout.write('locked\n');
  process.stdin.on('end', () => {
    void lock.release();
  });
  process.stdin.resume();
} catch (error) {
  process.stdout.write(isSealiftError(error) ? `${error.code}\n` : String(error));
}
