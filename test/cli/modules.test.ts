import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reach, runCli } from '../support/cli.js';
import { content, plant } from '../support/trees.js';
import { makeWorld } from '../support/world.js';

/** Lets no process that is told to import it load what large files need, as if descriptors had run out. */
const REFUSING = `
  import { register } from 'node:module';
  register('data:text/javascript,' + encodeURIComponent(\`
    export async function load(url, context, next) {
      if (url.endsWith('/push-large.js')) {
        throw Object.assign(new Error('EMFILE: too many open files, open push-large.js'), { code: 'EMFILE' });
      }
      return await next(url, context);
    }
  \`));
`;

describe('a push whose modules cannot be loaded', () => {
  it('says why, loses no entry, and can be resumed', async (t) => {
    const world = await makeWorld(t);
    plant(world.source, { 'large.bin': content(4_300_000), small: 'small' });
    const { env, options } = reach(world);
    const refusing = { ...env, NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(REFUSING)}"` };
    const { code, stdout, stderr } = await runCli(['push', world.source, 'oss://sealift/backup', ...options, '--manifest', 'run.jsonl'], { cwd: world.directory, env: refusing });
    assert.equal(code, 3, stderr);
    assert.match(stdout, /0 failed[^]*too many files[^]*ulimit -n/);
    assert.doesNotMatch(stdout + stderr, /add up|internal/);
    const { code: resumed, stderr: said } = await runCli(['resume', 'run.jsonl', ...options.slice(0, 2)], { cwd: world.directory, env });
    assert.equal(resumed, 0, said);
  });
});
