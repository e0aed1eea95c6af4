/**
 * Shapes of JSON values: one declaration gives the check, the type and the JSON Schema. A library that does the same takes longer
 * to load than all the rest of this folder, and every run, first ones too, checks what it appends.
 */

/** What JSON Schema says of it. */
type Schema = Readonly<Record<string, unknown>>;

export interface Shape<T> {
  readonly accepts: (value: unknown) => value is T;
  readonly schema: Schema;
}

/** A member that may be absent. */
export interface Optional<T> {
  readonly optional: Shape<T>;
}

type Fields = Readonly<Record<string, Shape<unknown> | Optional<unknown>>>;
type Flat<T> = { [Name in keyof T]: T[Name] };
type OptionalName<F extends Fields> = { [Name in keyof F]: F[Name] extends Optional<unknown> ? Name : never }[keyof F];
type Members<F extends Fields> = Flat<
  { [Name in Exclude<keyof F, OptionalName<F>>]: F[Name] extends Shape<infer T> ? T : never } &
  { [Name in OptionalName<F>]?: F[Name] extends Optional<infer T> ? T | undefined : never }
>;

/** The type of the values that a shape accepts. */
export type ValueOf<S> = S extends Shape<infer T> ? T : never;

export const boolean: Shape<boolean> = { accepts: (value) => typeof value === 'boolean', schema: { type: 'boolean' } };
export const number: Shape<number> = { accepts: (value): value is number => Number.isFinite(value), schema: { type: 'number' } };
export const text: Shape<string> = { accepts: (value) => typeof value === 'string', schema: { type: 'string' } };
export const fullText: Shape<string> = { accepts: (value): value is string => typeof value === 'string' && value !== '', schema: { type: 'string', minLength: 1 } };

/** `more` is for readers of the schema. */
export function matching(pattern: RegExp, more: Schema = {}): Shape<string> {
  return { accepts: (value): value is string => typeof value === 'string' && pattern.test(value), schema: { type: 'string', ...more, pattern: pattern.source } };
}

/** A whole number that a double holds exactly. */
export function integer(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  const accepts = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
  return { accepts, schema: { type: 'integer', minimum, maximum } };
}

export function exactly<const T extends string | number>(wanted: T): Shape<T> {
  return { accepts: (value): value is T => value === wanted, schema: { type: typeof wanted, const: wanted } };
}

export function oneText<const T extends string>(...texts: readonly T[]): Shape<T> {
  return { accepts: (value): value is T => texts.some((candidate) => candidate === value), schema: { type: 'string', enum: texts } };
}

export function optional<T>(shape: Shape<T>): Optional<T> {
  return { optional: shape };
}

/** Of values without a common member; those with one go faster by `variants`. */
export function either<T>(...shapes: readonly Shape<T>[]): Shape<T> {
  return { accepts: (value): value is T => shapes.some((shape) => shape.accepts(value)), schema: { anyOf: shapes.map(({ schema }) => schema) } };
}

export function list<T>(item: Shape<T>, minItems = 0): Shape<T[]> {
  const accepts = (value: unknown): value is T[] => Array.isArray(value) && value.length >= minItems && value.every((each) => item.accepts(each));
  return { accepts, schema: { ...(minItems === 0 ? {} : { minItems }), type: 'array', items: item.schema } };
}

/** Any names that `name` accepts, but for the one that would set a prototype when it is copied. */
export function dictionary<T>(name: Shape<string>, member: Shape<T>): Shape<Record<string, T>> {
  const accepts = (value: unknown): value is Record<string, T> =>
    isObject(value) && Object.entries(value).every(([key, each]) => key !== '__proto__' && name.accepts(key) && member.accepts(each));
  return { accepts, schema: { type: 'object', propertyNames: name.schema, additionalProperties: member.schema } };
}

/** These members; others are passed over. */
export function withMembers<F extends Fields>(fields: F): Shape<Members<F>> {
  const checks = Object.entries(fields).map(([name, field]) => ({ name, ...resolved(field) }));
  const properties = Object.fromEntries(checks.map(({ name, shape }) => [name, shape.schema]));
  const required = checks.filter(({ isOptional }) => !isOptional).map(({ name }) => name);
  return { accepts: (value): value is Members<F> => isObject(value) && fits(value, checks), schema: { type: 'object', properties, required } };
}

/** These members and no other. */
export function object<F extends Fields>(fields: F): Shape<Members<F>> {
  const { accepts, schema } = withMembers(fields);
  const names: ReadonlySet<string> = new Set(Object.keys(fields));
  return { accepts: (value): value is Members<F> => accepts(value) && hasOnly(value, names), schema: { ...schema, additionalProperties: false } };
}

/** Of each name an object of its members and of those that all have. */
export function objects<T extends Readonly<Record<string, Fields>>, M extends Fields>(tables: T, more: M): { readonly [Name in keyof T]: Shape<Members<T[Name] & M>> } {
  const entries = Object.entries(tables).map(([name, fields]) => [name, object({ ...fields, ...more })]);
  return Object.fromEntries(entries) as { readonly [Name in keyof T]: Shape<Members<T[Name] & M>> };
}

/** Objects that their member `type` tells apart; the names are its values. */
export function variants<S extends Readonly<Record<string, Shape<unknown>>>>(shapes: S): Shape<ValueOf<S[keyof S]>> {
  const byType: ReadonlyMap<unknown, Shape<unknown>> = new Map(Object.entries(shapes));
  const accepts = (value: unknown): value is ValueOf<S[keyof S]> => isObject(value) && byType.get(value['type'])?.accepts(value) === true;
  return { accepts, schema: { oneOf: Object.values(shapes).map(({ schema }) => schema) } };
}

interface Check {
  readonly name: string;
  readonly shape: Shape<unknown>;
  readonly isOptional: boolean;
}

function resolved(field: Shape<unknown> | Optional<unknown>): Omit<Check, 'name'> {
  return 'optional' in field ? { shape: field.optional, isOptional: true } : { shape: field, isOptional: false };
}

/** A loop, for it runs once per line of manifests with a million lines. */
function fits(value: Readonly<Record<string, unknown>>, checks: readonly Check[]): boolean {
  for (const { name, shape, isOptional } of checks) {
    const member = value[name];
    if (member === undefined ? !isOptional : !shape.accepts(member)) {
      return false;
    }
  }
  return true;
}

function hasOnly(value: object, names: ReadonlySet<string>): boolean {
  for (const name in value) {
    if (!names.has(name)) {
      return false;
    }
  }
  return true;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
