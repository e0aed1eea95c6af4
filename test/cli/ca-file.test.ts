import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { callCli, reach, type Finished } from '../support/cli.js';
import { openTlsFront } from '../support/tls-front.js';
import { makeWorld, type World } from '../support/world.js';

const PLACE = 'oss://sealift/backup';

interface Scene {
  readonly world: World;
  readonly call: (command: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Finished>;
}

/** A file to push, and the embedded OSS behind TLS; the certificate is in `ca.pem`. */
async function makeScene(t: TestContext): Promise<Scene> {
  const world = await makeWorld(t);
  const { endpoint, certificate } = await openTlsFront(t, world.cloud.oss.endpoint);
  writeFileSync(world.path('ca.pem'), `An authority of our own\n${certificate}`);
  writeFileSync(world.path('source', 'a.txt'), 'alpha');
  const { env } = reach(world);
  const call: Scene['call'] = (command, more) => callCli(command, { cwd: world.directory, env: { ...env, OSS_ENDPOINT: endpoint, ...more } });
  return { world, call };
}

const TRUST = ['--ca-file', 'ca.pem'] as const;
const ONE_THREAD = ['--threads', '1'] as const;

describe('--ca-file', () => {
  it('lets every command reach an OSS behind a certificate of one\'s own', async (t) => {
    const { world, call } = await makeScene(t);
    const key = reach(world).options.slice(0, 2);
    for (const command of [
      ['push', 'source', PLACE, ...key, ...ONE_THREAD], ['pull', PLACE, 'out', ...key, ...ONE_THREAD], ['verify', PLACE, ...key, ...ONE_THREAD],
      ['ls', PLACE], ['cat', `${PLACE}/a.txt`, ...key], ['inspect', `${PLACE}/a.txt`, ...key], ['gc-uploads', PLACE],
    ]) {
      const { code, stderr } = await call([...command, ...TRUST]);
      assert.equal(code, 0, `${command.join(' ')}: ${stderr}`);
    }
    assert.equal(readFileSync(world.path('out', 'a.txt'), 'utf8'), 'alpha');
  });

  it('is advised where it is missing, and nothing is sent without it', async (t) => {
    const { world, call } = await makeScene(t);
    const { code, stdout } = await call(['push', 'source', PLACE, ...reach(world).options]);
    assert.equal(code, 9, stdout);
    assert.match(stdout, /cannot be trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)[^]*--ca-file/);
    assert.deepEqual(world.requests, []);
  });

  it('comes from the environment too', async (t) => {
    const { call } = await makeScene(t);
    const { code, stderr } = await call(['ls', PLACE], { SEALIFT_CA_FILE: 'ca.pem' });
    assert.equal(code, 0, stderr);
  });

  it('is repeated by resume', async (t) => {
    const { world, call } = await makeScene(t);
    world.faults = ({ operation }) => (operation === 'PutObject' ? { kind: 'answer', status: 403, code: 'AccessDenied' } : undefined);
    const { options } = reach(world);
    assert.equal((await call(['push', 'source', PLACE, ...options, ...TRUST])).code, 5);
    world.faults = () => undefined;
    const { code, stderr } = await call(['resume', ...options.slice(0, 2)]);
    assert.equal(code, 0, stderr);
  });

  it('names a file that is not there, or holds no certificates: exit code 2, before anything is made', async (t) => {
    const { world, call } = await makeScene(t);
    writeFileSync(world.path('text'), 'no PEM');
    for (const [file, said] of [['missing', /the CA file .*\/missing cannot be read: ENOENT\n.*--ca-file/], ['text', /\/text holds no certificates[^]*PEM form/], ['source', /EISDIR/]] as const) {
      const { code, stderr } = await call(['push', 'source', PLACE, ...reach(world).options, '--ca-file', file]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
    }
    assert.equal((await call(['status'])).code, 2, 'no manifest was made');
  });
});
