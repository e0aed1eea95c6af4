import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { callCli, reach, runCli, type Finished } from '../support/cli.js';
import { onlyFor, openProxy, type Proxy, type ProxyOptions } from '../support/proxy.js';
import { openTlsFront } from '../support/tls-front.js';
import { makeWorld, type World } from '../support/world.js';

const PLACE = 'oss://sealift/backup';
const ONE_THREAD = ['--threads', '1'] as const;

interface Scene {
  readonly world: World;
  readonly proxy: Proxy;
  readonly key: readonly string[];
  readonly call: (command: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Finished>;
}

/** A file to push, the embedded OSS, behind TLS or not, and a proxy before it. */
async function makeScene(t: TestContext, scheme: 'http' | 'https', options?: ProxyOptions): Promise<Scene> {
  const world = await makeWorld(t);
  const { endpoint, certificate } = await openTlsFront(t, world.cloud.oss.endpoint);
  writeFileSync(world.path('ca.pem'), certificate);
  writeFileSync(world.path('source', 'a.txt'), 'alpha');
  const { env, options: words } = reach(world);
  const where = scheme === 'https' ? { OSS_ENDPOINT: endpoint, SEALIFT_CA_FILE: world.path('ca.pem') } : {};
  return {
    world, proxy: await openProxy(t, options), key: words.slice(0, 2),
    call: (command, more) => callCli(command, { cwd: world.directory, env: { ...env, ...where, ...more } }),
  };
}

describe('--proxy', () => {
  for (const [scheme, those] of [['https', 'every command'], ['http', 'push and pull']] as const) {
    it(`lets ${those} reach OSS over ${scheme}, this machine included`, async (t) => {
      const { world, proxy, key, call } = await makeScene(t, scheme);
      const moving = [['push', 'source', PLACE, ...key, ...ONE_THREAD], ['pull', PLACE, 'out', ...key, ...ONE_THREAD]];
      const others = [
        ['verify', PLACE, '--against', 'source', ...key, ...ONE_THREAD],
        ['ls', PLACE], ['cat', `${PLACE}/a.txt`, ...key], ['inspect', `${PLACE}/a.txt`, ...key], ['gc-uploads', PLACE],
      ];
      for (const command of scheme === 'https' ? [...moving, ...others] : moving) {
        const before = proxy.seen.length;
        const { code, stderr } = await call([...command, '--proxy', proxy.url]);
        assert.equal(code, 0, `${command.join(' ')}: ${stderr}`);
        assert.ok(proxy.seen.length > before, command.join(' '));
      }
      assert.equal(readFileSync(world.path('out', 'a.txt'), 'utf8'), 'alpha');
    });
  }

  it('is refused with a password in it, which is repeated nowhere: exit code 2', async (t) => {
    const { world, proxy, key, call } = await makeScene(t, 'http');
    const { code, stdout, stderr } = await call(['push', 'source', PLACE, ...key, '--proxy', proxy.urlWith('user', 'canary')]);
    assert.equal(code, 2);
    assert.match(stderr, /--proxy holds a user name or a password.*\n.*HTTPS_PROXY/);
    assert.doesNotMatch(stdout + stderr, /canary/);
    assert.deepEqual([world.requests, proxy.seen], [[], []]);
  });

  it('takes the password from SEALIFT_PROXY, and no output and no file has it', async (t) => {
    const { world, proxy, key, call } = await makeScene(t, 'https', { refuse: onlyFor('user', 'canary') });
    const env = { SEALIFT_PROXY: proxy.urlWith('user', 'canary') };
    const said = [
      await call(['push', 'source', PLACE, ...key, ...ONE_THREAD, '--dry-run'], env), await call(['push', 'source', PLACE, ...key, ...ONE_THREAD, '--json'], env),
      await call(['status'], env), await call(['verify', PLACE, ...key, ...ONE_THREAD, '--report', 'report.json'], env),
    ];
    assert.deepEqual(said.map(({ code }) => code), [0, 0, 0, 0], JSON.stringify(said));
    assert.match(said[0]?.stdout ?? '', new RegExp(`proxy +${proxy.host}\n`));
    const files = readdirSync(world.directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const texts = [...said.map(({ stdout, stderr }) => stdout + stderr), ...files.map(({ parentPath, name }) => readFileSync(`${parentPath}/${name}`, 'latin1'))];
    assert.ok(texts.some((text) => text.includes(`http://${proxy.host}`)), 'the manifest has the proxy itself');
    texts.forEach((text) => assert.doesNotMatch(text, /canary|dXNlcjpjYW5hcnk/));
  });

  it('is repeated by resume, password and all', async (t) => {
    const { world, proxy, key, call } = await makeScene(t, 'https', { refuse: onlyFor('user', 'right') });
    world.faults = ({ operation }) => (operation === 'PutObject' ? { kind: 'answer', status: 403, code: 'AccessDenied' } : undefined);
    const env = { SEALIFT_PROXY: proxy.urlWith('user', 'right') };
    assert.equal((await call(['push', 'source', PLACE, ...key, ...ONE_THREAD], env)).code, 5);
    world.faults = () => undefined;
    const before = proxy.seen.length;
    const { code, stderr } = await call(['resume', ...key], env);
    assert.equal(code, 0, stderr);
    assert.ok(proxy.seen.length > before);
  });

  it('stops a run at once where the proxy wants a password: exit code 5', async (t) => {
    const { world, proxy, key, call } = await makeScene(t, 'https', { refuse: onlyFor('user', 'right') });
    for (const name of ['b', 'c', 'd']) {
      writeFileSync(world.path('source', name), name);
    }
    const { code, stdout, stderr } = await call(['push', 'source', PLACE, ...key, ...ONE_THREAD], { SEALIFT_PROXY: proxy.urlWith('user', 'canary') });
    assert.equal(code, 5, stderr);
    assert.match(stdout + stderr, new RegExp(`the proxy ${proxy.host} does not accept user and password \\(HTTP 407\\)[^]*HTTPS_PROXY`));
    assert.doesNotMatch(stdout + stderr, /canary/);
    assert.deepEqual(world.requests, []);
  });

  it('tries again when the proxy hangs up', async (t) => {
    const { proxy, key, call } = await makeScene(t, 'https', { refuse: (_asked, index) => (index === 0 ? '' : index === 1 ? 'HTTP/1.1 502 Bad Gateway\r\n\r\n' : undefined) });
    const { code, stderr } = await call(['push', 'source', PLACE, ...key, ...ONE_THREAD, '--proxy', proxy.url]);
    assert.equal(code, 0, stderr);
    assert.ok(proxy.seen.length > 2);
  });

  it('leaves out what NO_PROXY names', async (t) => {
    const { proxy, call } = await makeScene(t, 'http', { refuse: () => 'HTTP/1.1 403 Forbidden\r\n\r\n' });
    assert.equal((await call(['ls', PLACE, '--proxy', proxy.url], { NO_PROXY: '127.0.0.1' })).code, 0);
    assert.equal(proxy.seen.length, 0);
    const { code, stderr } = await call(['ls', PLACE, '--proxy', proxy.url], { NO_PROXY: 'example.com' });
    assert.equal(code, 9);
    assert.match(stderr, /refuses to connect to http:\/\/127\.0\.0\.1:\d+ \(HTTP 403\)[^]*NO_PROXY/);
  });

  it('is no business of the embedded cloud', async (t) => {
    const { world, call } = await makeScene(t, 'http');
    const { code, stderr } = await call(['push', 'source', PLACE, ...ONE_THREAD, '--local', '--local-data', world.path('own'), '--proxy', 'http://proxy.invalid:1']);
    assert.equal(code, 0, stderr);
  });
});

describe('a proxy of the environment', () => {
  it('is not asked for this machine', async (t) => {
    const { proxy, call } = await makeScene(t, 'https');
    const { code, stderr } = await call(['ls', PLACE], { HTTPS_PROXY: proxy.url, ALL_PROXY: proxy.url, http_proxy: proxy.url });
    assert.equal(code, 0, stderr);
    assert.equal(proxy.seen.length, 0);
  });

  it('is asked for everything else, with its password', async (t) => {
    const { proxy, call } = await makeScene(t, 'http', { refuse: () => 'HTTP/1.1 403 Forbidden\r\n\r\n' });
    const env = { OSS_ENDPOINT: 'https://oss.example.invalid', HTTPS_PROXY: proxy.urlWith('user', 'canary') };
    const { code, stdout, stderr } = await call(['ls', PLACE], env);
    assert.equal(code, 9);
    assert.match(stderr, /refuses to connect to https:\/\/sealift\.oss\.example\.invalid/);
    assert.doesNotMatch(stdout + stderr, /canary/);
    assert.deepEqual(proxy.seen, [{ where: 'sealift.oss.example.invalid:443', authorization: `Basic ${Buffer.from('user:canary').toString('base64')}` }]);
  });

  it('lets a process of its own end, though a tunnel is idle', async (t) => {
    const { world, proxy } = await makeScene(t, 'http');
    const { code, stderr } = await runCli(['ls', PLACE], { cwd: world.directory, env: { ...reach(world).env, SEALIFT_PROXY: proxy.url } });
    assert.equal(code, 0, stderr);
    assert.ok(proxy.seen.length > 0);
  });
});
