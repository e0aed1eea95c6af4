import { lineShape } from './record.js';

/**
 * The JSON Schema (draft 2020-12) of one line of a manifest, as `manifests/manifest.schema.json` publishes it. It cannot say
 * what a chain is; `manifests/FORMAT.md` does.
 */
export function manifestJsonSchema(): object {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'One line of a Sealift manifest, version 1', ...lineShape.schema };
}
