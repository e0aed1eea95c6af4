import type { CommandBody, Context } from './context.js';

export function benchCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .command({
          command: 'compare <before> <after>',
          describe: 'Two files of "bench --out" side by side, with ratios',
          builder: (inner) =>
            inner
              .positional('before', { type: 'string', describe: 'File A' })
              .positional('after', { type: 'string', describe: 'File B' })
              .option('json', { type: 'boolean', describe: 'One JSON line on stdout [default: false]' })
              .example('$0 bench compare old.json new.json', 'what a change brought'),
          handler: async (flags) => {
            const { runCompare } = await import('./bench/run-compare.js');
            runCompare(context, flags);
          },
        })
        .options({
          profile: text('small (20,000 × 4 KiB), medium (500 × 1 MiB), large (3 × 1 GiB), mixed, or a directory [default: mixed]'),
          files: text('Number of files of --size, instead of a profile [default: 1000]'),
          size: text('Bytes of each of --files, such as 4KiB [default: 4KiB]'),
          threads: text('Worker threads; several values are all measured: 1,2,4 [default: as many as pay]'),
          concurrency: text('Requests in flight per thread; several values: 16,64 [default: 64]'),
          latency: text('Milliseconds that the sink waits before it answers; several values: 0,20 [default: 0]'),
          'part-size': text('Bytes per part of a large file [default: 8MiB]'),
          memory: text('Budget in bytes for all buffers [default: 256MiB]'),
          envelope: text('oss-crypto or client-side-encryption [default: oss-crypto]'),
          'key-bits': text('Bits of the RSA key that is made for the bench: 2048, 3072, 4096 [default: 2048]'),
          target: text('sink (swallows everything, in memory), local (the embedded cloud), or oss://bucket/prefix [default: sink]'),
          endpoint: text('Host or URL of the OSS endpoint of an oss:// target [default: $OSS_ENDPOINT]'),
          region: text('Region of an oss:// target [default: $OSS_REGION]'),
          internal: { type: 'boolean', describe: 'Use the endpoint inside Alibaba Cloud [default: false]' },
          'ca-file': text('PEM file of certificate authorities to trust for an oss:// target, besides those of Node [default: none]'),
          proxy: text('HTTP proxy to reach an oss:// target through, without user and password; none for no proxy at all [default: $HTTPS_PROXY, else $ALL_PROXY]'),
          runs: text('How often each is measured, in turn with its floor; medians are shown [default: 3, fewer after 25 s]'),
          warm: { type: 'boolean', describe: 'Count what threads need that have done the same work before: the start and compiling are left out [default: false]' },
          suggest: { type: 'boolean', describe: 'Try threads, concurrency and part size, and say which flags to use [default: false]' },
          report: text('File for one self-contained HTML page with tables and charts [default: none]'),
          out: text('File for the numbers, JSON: {version, machine, rows} [default: none]'),
          json: { type: 'boolean', describe: 'The same JSON on stdout, one line [default: false]' },
        })
        .example('$0 bench', 'a mixed set against a sink, in under a minute')
        .example('$0 bench --files 20000 --size 4KiB --threads 1,2 --report bench.html', 'how it scales')
        .example('$0 bench --suggest --target oss://bucket/tmp', 'which flags suit your bucket; objects are removed again'),
    handler: async (flags) => {
      const { runBench } = await import('./bench/run-bench.js');
      await runBench(context, flags);
    },
  };
}

function text(describe: string): { readonly type: 'string'; readonly requiresArg: true; readonly describe: string } {
  return { type: 'string', requiresArg: true, describe };
}
