import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { COMMAND_SETTINGS } from '../../src/settings.js';
import { CLI } from '../support/cli.js';
import { createWorld, eventsOf } from './process.js';

const world = createWorld();
after(() => world.remove());

describe('help', () => {
  const commands = ['push', 'pull', 'resume', 'status', 'verify', 'rewrap', 'keys', 'keys create', 'keys show', 'keys import', 'manifest', 'manifest repair', 'local', 'demo'];
  for (const command of commands) {
    it(`of ${command} has an example, a default for every option, and exits with 0`, async () => {
      const { code, stdout, stderr } = await world.call([...command.split(' '), '--help']);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, new RegExp(`Examples:\\s+sealift ${command}`));
      const names: readonly string[] = Object.entries(COMMAND_SETTINGS).find(([name]) => name === command)?.[1] ?? [];
      for (const name of names) {
        assert.match(stdout.replace(/\s+/g, ' '), new RegExp(`--${name} [^[]*\\[(?:string|boolean|array)\\] \\[default: [^\\]]+\\]`), name);
      }
    });
  }

  it('of the program lists every command, the exit codes and the environment', async () => {
    const help = await world.run(['--help']);
    assert.deepEqual(help, await world.call(['--help']), 'a process of its own prints what the command line says within this one');
    const { code, stdout } = help;
    assert.equal(code, 0);
    for (const part of ['push', 'pull', 'resume', 'status', 'verify', 'rewrap', 'keys', 'local', 'demo', 'manifest', 'Exit codes', 'OSS_ACCESS_KEY_SECRET', 'SEALIFT_']) {
      assert.ok(stdout.includes(part), part);
    }
  });

  it('offers a shell whatever it may complete a word with', async () => {
    const script = await world.run(['completion']);
    assert.equal(script.code, 0);
    assert.match(script.stdout, /sealift --get-yargs-completions/);
    const commands = await world.run(['--get-yargs-completions', 'sealift', 're']);
    assert.deepEqual(commands.stdout.split('\n').filter((word) => word.startsWith('re')), ['resume', 'rewrap']);
    const options = await world.run(['--get-yargs-completions', 'sealift', 'rewrap', '--']);
    assert.deepEqual([options.code, COMMAND_SETTINGS.rewrap.filter((name) => !options.stdout.includes(`--${name}\n`))], [0, []]);
  });

  it('answers --version with that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
    assert.deepEqual(await world.call(['--version']), { code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
  });
});

describe('a mistake on the command line exits with 2, and says what and where to look', () => {
  const place = 'oss://bucket/prefix';
  const mistakes: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no command', [], /no command was given/],
    ['an unknown command', ['pusch', 'a', place], /push/],
    ['a missing argument', ['push', 'a'], /Not enough non-option arguments/],
    ['an argument too many', ['push', 'a', place, 'b'], /Unknown argument: b/],
    ['an unknown option', ['push', 'a', place, '--thread', '2'], /Unknown argument: thread/],
    ['an option of another command', ['push', 'a', place, '--on-collision', 'rename'], /Unknown argument: on-collision/],
    ['a verification that only plans', ['verify', place, '--dry-run'], /Unknown argument: dry-run/],
    ['a lock to break where none is taken', ['verify', place, '--break-lock'], /Unknown argument: break-lock/],
    ['an option without its value', ['push', 'a', place, '--threads'], /Not enough arguments following: threads/],
    ['a negated option', ['push', 'a', place, '--no-json'], /Unknown argument: no-json/],
    ['a switch that is neither on nor off', ['push', 'a', place, '--dry-run=maybe'], /--dry-run: "maybe" is not accepted/],
    ['a switch with nothing after its sign', ['push', 'a', place, '--dry-run='], /--dry-run: "" is not accepted/],
    ['threads that are no number', ['push', 'a', place, '--threads', 'abc'], /--threads: "abc" is not accepted/],
    ['NaN', ['push', 'a', place, '--threads', 'NaN'], /--threads: "NaN"/],
    ['a part size with letters after it', ['push', 'a', place, '--part-size', '12abc'], /--part-size: "12abc"/],
    ['a negative size', ['push', 'a', place, '--memory', '-5'], /--memory: "-5"/],
    ['a bandwidth in which nothing would arrive', ['push', 'a', place, '--bandwidth', '1KiB'], /--bandwidth: "1KiB" is not accepted[\s\S]*Give a size from 16 ?KiB/],
    ['a value given twice', ['push', 'a', place, '--threads', '1', '--threads', '2'], /--threads was given 2 times/],
    ['a choice that does not exist', ['push', 'a', place, '--if-exists', 'never'], /changed, skip, overwrite, fail/],
    ['an address without scheme', ['push', 'a', 'bucket/prefix'], /the address: "bucket\/prefix" is not accepted/],
    ['a bucket name that cannot be', ['pull', 'oss://Bucket_1', 'd'], /3 to 63 lower-case letters/],
    ['a missing region', ['push', 'a', place], /no region was given/],
    ['an endpoint that is not encrypted', ['push', 'a', place, '--endpoint', 'http://example.com', '--region', 'cn-x'], /not encrypted/],
    ['--local with --kms-endpoint', ['push', 'a', place, '--local', '--kms-endpoint', 'kms.e'], /exclude each other/],
    ['an envelope that does not exist', ['push', 'a', place, '--envelope', 'zip'], /oss-crypto, client-side-encryption/],
    ['no KMS calls at all', ['push', 'a', place, '--kms-qps', '0'], /--kms-qps: "0"/],
    ['--local with --endpoint', ['push', 'a', place, '--local', '--endpoint', 'https://e'], /exclude each other/],
    ['a config file that is missing', ['push', 'a', place, '--config', 'missing.json'], /missing\.json cannot be read/],
    ['a manifest that is missing', ['status', 'missing.jsonl'], /missing\.jsonl/],
    ['a directory for a manifest', ['status', '.'], /is a directory, and a manifest is a file\n/],
    ['a directory to resume', ['resume', '.', '--key', 'k.pem'], /is a directory, and a manifest is a file\n/],
    ['nothing to resume', ['resume', '--key', 'k.pem'], /unfinished run/],
  ];
  for (const [name, args, message] of mistakes) {
    it(name, async () => {
      const { code, stdout, stderr } = await world.call(args);
      assert.match(stderr, message);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.ok(stderr.split('\n').length <= 3, `more than a cause and a hint:\n${stderr}`);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }

  it('and says it to programs too, as a last event', async () => {
    for (const args of [['push', 'a', place, '--threads', 'abc', '--json'], ['push', 'a', '--json'], ['pull', 'x', 'y', '--json'], ['resume', '--json'], ['status', '--json', 'missing.jsonl'], ['verify', place, '--json']]) {
      const { code, stdout } = await world.call(args);
      const [summary, ...more] = eventsOf(stdout);
      assert.deepEqual(more, []);
      assert.deepEqual([summary?.v, summary?.event, summary?.['exitCode'], code], [1, 'summary', 2, 2], args.join(' '));
      assert.deepEqual([summary?.['scanned'], summary?.['done'], summary?.['skipped'], summary?.['failed'], summary?.['bytes']], [0, 0, 0, 0, 0]);
    }
  });

  it('or with 6, where there is no place for temporary files', async () => {
    for (const words of [['demo'], ['bench', '--files', '1', '--size', '1']]) {
      const { code, stderr } = await world.run(words, { TMPDIR: '/nowhere' });
      assert.deepEqual([code, stderr], [6, 'sealift: no temporary directory can be made in /nowhere\n  set TMPDIR to a directory that can be written to\n']);
    }
  });

  it('just as well in a process of its own', async () => {
    const words = ['push', 'a', place, '--thread', '2', '--json'];
    const [child, here] = await Promise.all([world.run(words), world.call(words)]);
    const timeless = (text: string): string => text.replace(/"time":"[^"]*"/, '');
    assert.deepEqual({ ...child, stdout: timeless(child.stdout) }, { ...here, stdout: timeless(here.stdout) });
    assert.equal(child.code, 2);
  });
});

describe('a result that cannot be written', () => {
  it('is exit code 6, however short it is', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [CLI, '--version'], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
    closeSync(full);
    assert.deepEqual([status, stderr], [6, 'sealift: standard output cannot be written: ENOSPC\n']);
  });
});

describe('credentials and keys', () => {
  const reach = ['--region', 'cn-hangzhou', '--endpoint', 'https://127.0.0.1:9'];
  const env = { OSS_ACCESS_KEY_ID: 'CANARY-ID', OSS_ACCESS_KEY_SECRET: 'CANARY-SECRET' };

  it('are asked for by name, with exit code 5', async () => {
    const half = await world.call(['push', '.', 'oss://bucket', ...reach], { OSS_ACCESS_KEY_SECRET: 'CANARY-SECRET' });
    assert.match(half.stderr, /OSS_ACCESS_KEY_ID is not set/);
    assert.equal(half.code, 5);
    // The library that asks the sources reads the environment of its process.
    // The metadata service of an ECS instance is asked last but one; nothing outside this machine is to be asked here.
    const none = await world.run(['push', '.', 'oss://bucket', ...reach], { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' });
    assert.match(none.stderr, /no credentials were found\n.*OSS_ACCESS_KEY_ID.*--profile.*--local/);
    assert.equal(none.code, 5);
  });

  it('a missing key is exit code 5 and says how to make one', async () => {
    const { code, stderr } = await world.call(['push', '.', 'oss://bucket', ...reach], env);
    assert.match(stderr, /no key was given[\s\S]*sealift keys create/);
    assert.equal(code, 5);
  });

  it('never show up in what is printed, even when the environment is wrong', async () => {
    const outputs = [
      await world.call(['push', '.', 'oss://bucket', ...reach, '--json'], { ...env, SEALIFT_THREADS: 'x', SEALIFT_DEBUG: '1' }),
      await world.call(['push', '.', 'oss://LTAI:CANARY@bucket/x'], env),
      await world.call(['verify', 'oss://bucket', ...reach, '--key', 'missing.pem'], { ...env, SEALIFT_DEBUG: '1' }),
    ];
    for (const { code, stdout, stderr } of outputs) {
      assert.notEqual(code, 0);
      assert.doesNotMatch(stdout + stderr, /CANARY/);
    }
  });

  it('a key file that others may read is refused with exit code 5', async () => {
    mkdirSync(world.path('keys'));
    assert.equal((await world.run(['keys', 'create', 'keys/k.pem', '--bits', '2048'])).code, 0);
    writeFileSync(world.path('keys/open.pem'), readFileSync(world.path('keys/k.pem')), { mode: 0o644 });
    const { code, stderr } = await world.call(['push', '.', 'oss://bucket', ...reach, '--key', 'keys/open.pem'], env);
    assert.match(stderr, /open\.pem is open to other users/);
    assert.equal(code, 5);
  });
});

describe('where values come from, end to end', () => {
  const args = ['push', 'a', 'oss://bucket'];

  it('names the variable that is wrong', async () => {
    const { code, stderr } = await world.call(args, { SEALIFT_PART_SIZE: '64MB' });
    assert.match(stderr, /--part-size \(from SEALIFT_PART_SIZE\): "64MB" is not accepted/);
    assert.equal(code, 2);
  });

  it('names the file that is wrong, and a flag beats it', async () => {
    writeFileSync(world.path('c.json'), '{"threads": 1000}');
    const { code, stderr } = await world.call([...args, '--config', 'c.json', '--threads', '2']);
    assert.match(stderr, /"threads" \(in .*c\.json\): 1000 is not accepted/);
    assert.equal(code, 2);
  });

  it('refuses to run where certificates are not checked', async () => {
    const { code, stderr } = await world.call(args, { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    assert.match(stderr, /NODE_TLS_REJECT_UNAUTHORIZED/);
    assert.equal(code, 2);
  });

  it('prints hostile input escaped', async () => {
    const { stderr } = await world.call(['push', 'a', 'oss://bucket/\u001b[2J\u202e']);
    assert.doesNotMatch(stderr, /[\u001b\u202e]/);
  });
});
