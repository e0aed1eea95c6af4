import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { machineOf, thisMachine, type Machine } from '../../src/files/machine.js';
import { holdSocket } from '../../src/manifest/held-socket.js';
import { lockManifest, lockNewManifest } from '../../src/manifest/lock.js';
import { failureOf, temporaryDirectory } from './support.js';

const directory = temporaryDirectory();
const program = fileURLToPath(new URL('lock-holder.js', import.meta.url));
let count = 0;

/** A file to lock; locks do not look into it. */
function fresh(): string {
  count += 1;
  const file = join(directory, `${count}.jsonl`);
  writeFileSync(file, '');
  return file;
}

/** A lock file that is there half of the time. */
const COMES_AND_GOES = `
  const { linkSync, rmSync } = require('node:fs');
  const { workerData: { file, stop } } = require('node:worker_threads');
  while (Atomics.load(stop, 0) === 0) {
    try {
      linkSync(file + '.held', file + '.lock');
    } catch {}
    rmSync(file + '.lock', { force: true });
  }
`;

type Holder = ChildProcessByStdio<Writable, Readable, null>;

async function holder(file: string): Promise<{ child: Holder; says: string }> {
  const child = spawn(process.execPath, [program, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [says] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, says: says.toString().trim() };
}

async function killed(child: Holder): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A machine without the socket, so that everything hangs on the lock file. */
function machine(change: Partial<Machine> = {}): Machine {
  return { host: 'alpha', bootId: 'boot 1', namespace: 'pid:[1]', pid: 100, abstractSockets: false, startTimeOf: () => '5', ...change };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise(setImmediate);
  }
}

function isHeld(lockFile: string): boolean {
  return existsSync(lockFile);
}

describe('the lock of a manifest', () => {
  it('keeps every other process out, names the holder, and goes with it', async () => {
    const file = fresh();
    const { child, says } = await holder(file);
    assert.equal(says, 'locked');
    const error = await failureOf(() => lockManifest(file, { breakLock: true }));
    assert.deepEqual([error.code, error.exitCode], ['locked', 8]);
    assert.match(error.message, new RegExp(`by process ${child.pid ?? 0} on ${hostname()} since 2`));
    assert.match(String(error.remedy), /wait/);
    child.stdin.end();
    await once(child, 'exit');
    assert.ok(!isHeld(`${file}.lock`));
    const lock = await lockManifest(file);
    assert.equal((await holder(file)).says, 'locked');
    await lock.release();
  });

  it('is taken over at once from a process that was killed', async () => {
    const file = fresh();
    for (let round = 0; round < 3; round += 1) {
      const { child, says } = await holder(file);
      assert.equal(says, 'locked');
      await killed(child);
      assert.ok(isHeld(`${file}.lock`), 'a killed process cannot tidy up');
    }
    const lock = await lockManifest(file);
    assert.match(readFileSync(`${file}.lock`, 'utf8'), new RegExp(`"pid":${process.pid},`));
    assert.equal(statSync(`${file}.lock`).mode & 0o777, 0o600);
    await lock.release();
  });

  it('holds within one process too, and says so when the lock file cannot be read', async () => {
    const file = fresh();
    const lock = await lockManifest(file);
    assert.match((await failureOf(() => lockManifest(file))).message, new RegExp(`by process ${process.pid} `));
    for (const content of ['{"host":"alpha","pid":"1"}', 'rubbish']) {
      writeFileSync(`${file}.lock`, content);
      assert.match((await failureOf(() => lockManifest(file))).message, /by another process/);
    }
    await lock.release();
    assert.equal(readFileSync(`${file}.lock`, 'utf8'), 'rubbish', 'the lock file of somebody else stays');
  });

  it('is not to be had of a manifest that is gone', async () => {
    const error = await failureOf(() => lockManifest(join(directory, 'gone.jsonl')));
    assert.deepEqual([error.code, error.exitCode], ['manifest-missing', 2]);
  });

  it('of a new manifest is had where another process removes the file just before', { skip: thisMachine.abstractSockets ? false : 'the file is not opened again without sockets' }, async () => {
    const file = fresh();
    let removals = 0;
    const machine: Machine = {
      ...thisMachine,
      get abstractSockets() {
        // Asked right before the file is opened by its name.
        if ((removals += 1) === 1) {
          rmSync(file);
        }
        return thisMachine.abstractSockets;
      },
    };
    await (await lockNewManifest(file, { machine })).release();
    assert.deepEqual([removals, existsSync(file)], [2, true]);
  });

  it('frees the socket when the lock file cannot be made', async () => {
    const file = fresh();
    mkdirSync(`${file}.lock`);
    assert.equal((await failureOf(() => lockManifest(file))).code, 'locked');
    assert.match((await failureOf(() => lockManifest(file))).message, /by another process/);
    const far = join(directory, 'no such directory', 'run.jsonl');
    assert.equal((await failureOf(() => lockManifest(far, { machine: machine() }))).code, 'manifest-write-failed');
  });
});

describe('the lock file alone', () => {
  it('is the word of a live process, which cannot be broken', async () => {
    const file = fresh();
    const lock = await lockManifest(file, { machine: machine() });
    for (const breakLock of [false, true]) {
      const error = await failureOf(() => lockManifest(file, { breakLock, machine: machine({ pid: 200 }) }));
      assert.match(error.message, /by process 100 on alpha/);
    }
    await lock.release();
    await (await lockManifest(file, { machine: machine({ pid: 200 }) })).release();
    assert.ok(!isHeld(`${file}.lock`));
  });

  const stale: Readonly<Record<string, Partial<Machine>>> = {
    'the process is gone': { startTimeOf: () => undefined },
    'its number belongs to a later process': { startTimeOf: () => '6' },
    'the machine was booted since': { bootId: 'boot 2' },
    'the machine was booted since, and its containers are others': { bootId: 'boot 2', namespace: 'pid:[2]' },
  };
  for (const [name, change] of Object.entries(stale)) {
    it(`is stale when ${name}`, async () => {
      const file = fresh();
      const old = await lockManifest(file, { machine: machine() });
      const lock = await lockManifest(file, { machine: machine({ pid: 200, ...change }) });
      await old.release();
      assert.match(readFileSync(`${file}.lock`, 'utf8'), /"pid":200/, 'the old holder must not remove the lock of the new one');
      await lock.release();
      assert.ok(!isHeld(`${file}.lock`));
    });
  }

  const unknown: Readonly<Record<string, { readonly change: Partial<Machine>; readonly who: RegExp; readonly check: RegExp }>> = {
    'it is of another host': { change: { host: 'beta' }, who: /by process 100 on alpha/, check: /look on alpha whether process 100 still runs/ },
    'it is of another container under the same host name': {
      change: { namespace: 'pid:[2]', startTimeOf: () => undefined }, who: /by process 100 of another container \(pid:\[1\]\) on alpha/, check: /whether that container still runs/,
    },
    'the system does not tell processes apart': { change: { startTimeOf: () => '' }, who: /by process 100 on alpha/, check: /look whether process 100 is a sealift/ },
  };
  for (const [name, { change, who, check }] of Object.entries(unknown)) {
    it(`is broken only on demand when ${name}`, async () => {
      const file = fresh();
      await lockManifest(file, { machine: machine({ startTimeOf: () => change.startTimeOf?.(100) ?? '5' }) });
      const error = await failureOf(() => lockManifest(file, { machine: machine({ pid: 200, ...change }) }));
      assert.deepEqual([error.code, error.exitCode], ['locked', 8]);
      assert.match(error.message, who);
      assert.match(String(error.remedy), check);
      assert.match(String(error.remedy), /, give the same command again with --break-lock$/);
      const lock = await lockManifest(file, { breakLock: true, machine: machine({ pid: 200, ...change }) });
      await lock.release();
    });
  }

  it('of an earlier version, which named no namespace, is judged by its process', async () => {
    const file = fresh();
    const lock = await lockManifest(file, { machine: machine() });
    const text = readFileSync(`${file}.lock`, 'utf8');
    await lock.release();
    assert.match(text, /"namespace":"pid:\[1\]",/);
    writeFileSync(`${file}.lock`, text.replace('"namespace":"pid:[1]",', ''));
    assert.match(String((await failureOf(() => lockManifest(file, { machine: machine({ pid: 200 }) }))).remedy), /wait/);
    await (await lockManifest(file, { machine: machine({ pid: 200, startTimeOf: () => undefined }) })).release();
  });

  it('may come and go at any moment of the attempt to take it: who comes then gets it, or is told who had it', async () => {
    const file = fresh();
    const held = await lockManifest(file, { machine: machine() });
    renameSync(`${file}.lock`, `${file}.held`);
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const other = new Worker(COMES_AND_GOES, { eval: true, workerData: { file, stop } });
    const ended = once(other, 'exit');
    for (let round = 0; round < 500; round += 1) {
      const lock = await lockManifest(file, { machine: machine({ pid: 200 }) }).catch((error: unknown) => String(error));
      if (typeof lock === 'string') {
        assert.match(lock, /by process 100 on alpha/);
      } else {
        await lock.release();
      }
    }
    Atomics.store(stop, 0, 1);
    await ended;
    await held.release();
  });

  it('is not to be had for a link to nothing, which never goes away by itself', async () => {
    const file = fresh();
    symlinkSync(`${file}.nothing`, `${file}.lock`);
    assert.match((await failureOf(() => lockManifest(file, { machine: machine() }))).message, /by another process/);
  });

  it('is broken only on demand when it was never finished', async () => {
    const file = fresh();
    writeFileSync(`${file}.lock`, '{"host":"al');
    assert.match(String((await failureOf(() => lockManifest(file, { machine: machine() }))).remedy), /--break-lock/);
    await (await lockManifest(file, { breakLock: true, machine: machine() })).release();
  });

  it('leaves no file of a made-up name behind when it is not to be had, and every other', async () => {
    const file = fresh();
    writeFileSync(`${file}.lock`, '{"host":"al');
    rmSync(file, { force: true });
    await failureOf(() => lockNewManifest(file, { machine: machine(), isOwnName: true }));
    assert.equal(existsSync(file), false);
    await failureOf(() => lockNewManifest(file, { machine: machine() }));
    assert.equal(existsSync(file), true);
    assert.match((await failureOf(() => lockNewManifest(file, { machine: machine(), isOwnName: true }))).message, /EEXIST|exists/);
    assert.equal(existsSync(file), true);
  });
});

describe('what a machine tells', () => {
  for (const platform of ['linux', 'darwin'] as const) {
    it(`about processes: ${platform}`, async () => {
      const { startTimeOf, bootId, namespace, abstractSockets } = machineOf(platform);
      assert.equal(abstractSockets, platform === 'linux');
      assert.equal(bootId === '', platform !== 'linux');
      assert.equal(namespace, platform === 'linux' ? readlinkSync('/proc/self/ns/pid') : '');
      const child = spawn('sleep', ['60']);
      const pid = child.pid ?? 0;
      const started = startTimeOf(pid);
      assert.match(started ?? 'none', platform === 'linux' ? /^[0-9]+$/ : /^$/);
      assert.equal(startTimeOf(pid), started);
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(startTimeOf(pid), undefined);
      assert.notEqual(startTimeOf(1), undefined);
    });
  }

  it('is that a process may exist when the system will not say', () => {
    assert.equal(machineOf('darwin').startTimeOf(Number.NaN), '');
  });

  it('is that a zombie is gone, though its number is not free', async () => {
    // The shell is replaced by a program that never asks for its children.
    const child = spawn('bash', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [answer] = (await once(child.stdout, 'data')) as [Buffer];
    const zombie = Number(answer.toString());
    await until(() => readFileSync(`/proc/${child.pid ?? 0}/comm`, 'utf8') === 'sleep\n');
    process.kill(zombie, 'SIGKILL');
    await until(() => readFileSync(`/proc/${zombie}/stat`, 'utf8').includes(') Z '));
    assert.equal(thisMachine.startTimeOf(zombie), undefined);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});

describe('a socket address', () => {
  it('is held, taken, or not to be had', async () => {
    const address = `\0sealift-test-${process.pid}`;
    for (let round = 0; round < 2; round += 1) {
      const held = await holdSocket(address);
      assert.ok(held.kind === 'held');
      assert.equal((await holdSocket(address)).kind, 'taken');
      await held.release();
    }
    assert.equal((await holdSocket(join(directory, 'no such directory', 'socket'))).kind, 'unavailable');
  });
});
