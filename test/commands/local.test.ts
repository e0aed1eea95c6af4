import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { runLocal } from '../../src/commands/run-local.js';
import type { LocalCloud } from '../../src/local/cloud.js';
import { aliOss, temporaryDirectory } from '../local/support.js';
import { CLI } from '../support/cli.js';

type Announced = Pick<LocalCloud, 'oss' | 'kms' | 'accessKeyId' | 'accessKeySecret'>;

/** `sealift local` as a process of its own, killed at the latest when the test ends. */
async function start(test: TestContext, args: readonly string[]) {
  const child = spawn(process.execPath, [CLI, 'local', '--json', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  test.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const complaints: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text));
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([first]) => String(first)),
    ended.then(() => ''),
  ]);
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return (await ended)[0];
  };
  return { line, stop, ended, complaints };
}

/** Runs the command inside this process and returns what it printed first. */
async function inProcess(test: TestContext, flags: Readonly<Record<string, unknown>>) {
  const stop = new AbortController();
  test.after(() => stop.abort());
  const cwd = temporaryDirectory(test);
  const printed = new EventEmitter();
  const first = once(printed, 'text') as Promise<[string]>;
  const done = runLocal({ cwd, stdout: { write: (text) => printed.emit('text', text) }, signal: () => stop.signal }, flags);
  const [text] = await Promise.race([first, done.then((): [string] => [''])]);
  return { text, cwd, stop, done };
}

describe('sealift local', () => {
  it('announces itself in one JSON line, keeps its data, and stops well on either signal', async (test) => {
    const data = temporaryDirectory(test);
    for (const [signal, keys] of [['SIGTERM', ['first']], ['SIGINT', ['first', 'second']]] as const) {
      const log = join(data, `${signal}.jsonl`);
      const { line, stop, complaints } = await start(test, ['--data', join(data, 'cloud'), '--request-log', log]);
      assert.notEqual(line, '', complaints.join(''));
      const cloud = JSON.parse(line) as Announced;
      assert.deepEqual(Object.keys(cloud), ['oss', 'kms', 'accessKeyId', 'accessKeySecret']);
      assert.deepEqual([Object.keys(cloud.oss), Object.keys(cloud.kms)], [['endpoint', 'region', 'bucket'], ['endpoint', 'keyId']]);
      const client = aliOss(cloud);
      await client.put(keys.at(-1) ?? '', Buffer.from('x'));
      const { objects } = await client.listV2({}, {});
      assert.deepEqual(objects.map(({ name }) => name), keys);
      assert.equal(await stop(signal), 0);
      assert.equal(readFileSync(log, 'utf8').trimEnd().split('\n').length, 2);
    }
  });

  it('is refused a directory that is in use, until the other process is gone', async (test) => {
    const data = temporaryDirectory(test);
    const first = await start(test, ['--data', data]);
    const second = await start(test, ['--data', data]);
    assert.deepEqual(await second.ended, [8, null]);
    assert.match(second.complaints.join(''), /the local store \S+ is in use by process \d+/u);
    assert.equal(await first.stop('SIGKILL'), null);
    const third = await start(test, ['--data', data]);
    assert.equal((JSON.parse(third.line) as Announced).accessKeyId, (JSON.parse(first.line) as Announced).accessKeyId);
    assert.equal(await third.stop('SIGTERM'), 0);
  });

  it('tells a person how to use it, with data below the working directory', async (test) => {
    const { text, cwd, stop, done } = await inProcess(test, {});
    assert.match(text, /^OSS and KMS are running/u);
    const exported = new Map(Array.from(text.matchAll(/(OSS_\w+)=(\S+)/gu), ([, name = '', value = '']): [string, string] => [name, value]));
    const saved = JSON.parse(readFileSync(join(cwd, '.sealift/credentials.json'), 'utf8')) as { accessKeyId: string; accessKeySecret: string };
    assert.deepEqual([exported.get('OSS_ACCESS_KEY_ID'), exported.get('OSS_ACCESS_KEY_SECRET')], [saved.accessKeyId, saved.accessKeySecret]);
    assert.match(exported.get('OSS_ENDPOINT') ?? '', /^http:\/\/127\.0\.0\.1:\d+$/u);
    assert.equal(exported.get('OSS_REGION'), 'cn-hangzhou');
    stop.abort();
    await done;
  });

  it('takes the ports it is given, and refuses what is none', async (test) => {
    const first = await inProcess(test, { json: true });
    const port = new URL((JSON.parse(first.text) as Announced).oss.endpoint).port;
    await assert.rejects(inProcess(test, { json: true, port }), { code: 'config-invalid', object: port });
    first.stop.abort();
    await first.done;
    const again = await inProcess(test, { json: true, port });
    assert.equal(new URL((JSON.parse(again.text) as Announced).oss.endpoint).port, port);
    again.stop.abort();
    await again.done;
    for (const flags of [{ port: '65536' }, { 'kms-port': 'x' }, { data: '' }]) {
      await assert.rejects(inProcess(test, flags), { code: 'usage' });
    }
    await assert.rejects(inProcess(test, { 'request-log': 'no/such/folder' }), { code: 'write-failed' });
  });
});
