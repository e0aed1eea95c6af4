/** Loaded into a process with `--import`: prints what it cost, as a line of JSON on stderr. Linux. */
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.on('exit', () => {
    const status = readFileSync('/proc/self/status', 'utf8');
    const peakKiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? NaN);
    const { user, system } = process.cpuUsage();
    process.stderr.write(`\n${JSON.stringify({ peakRssMiB: peakKiB / 1024, cpuSeconds: (user + system) / 1e6 })}\n`);
  });
}
