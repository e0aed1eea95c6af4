/**
 * The embedded cloud in a process of its own, so that its CPU time is apart. `node cloud.js DIRECTORY` prints
 * `{"oss":…,"accessKeyId":…,"accessKeySecret":…}` and serves until its standard input ends.
 */
import { startLocalCloud } from '../../local/cloud.js';

const [, , dataDirectory = ''] = process.argv;
const cloud = await startLocalCloud({ dataDirectory });
const { oss, accessKeyId, accessKeySecret } = cloud;
process.stdout.write(`${JSON.stringify({ oss, accessKeyId, accessKeySecret })}\n`);
// The parent holds the other end: however it dies, nothing is left behind.
process.stdin.resume().once('end', () => void cloud.close());
