/** Parameters of a URL or a form, decoded. A parameter without `=` has an empty value. */
export interface Query {
  /** In the order of the request, repeated names included. */
  readonly pairs: readonly (readonly [name: string, value: string])[];
  get(name: string): string | undefined;
  has(name: string): boolean;
}

/**
 * `+` is a space, as in forms: some SDKs leave their query to an HTTP library that encodes it so.
 *
 * @throws URIError when a value is not UTF-8
 */
export function parseQuery(text: string): Query {
  const pairs = text
    .split('&')
    .filter((field) => field !== '')
    .map((field): [string, string] => {
      const at = field.indexOf('=');
      return at < 0 ? [decode(field), ''] : [decode(field.slice(0, at)), decode(field.slice(at + 1))];
    });
  const byName = new Map(pairs);
  return { pairs, get: (name) => byName.get(name), has: (name) => byName.has(name) };
}

function decode(value: string): string {
  return decodeURIComponent(value.replaceAll('+', ' '));
}
