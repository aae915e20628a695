import { resolveRef } from '../src/api/openapi/document.ts';

/** Sender of the value that the schema describes: the client sends a request, Longhaul an answer. */
export type Direction = 'request' | 'answer';

/** A schema with the document that its references are in. */
interface Held {
  readonly document: object;
  readonly schema: object;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly [limit: string]: unknown;
}

interface Options {
  readonly direction: Direction;
  /** The place of the schema, in words. */
  readonly place: string;
}

/** Limits, with true if a higher value is stricter. */
const LIMITS = {
  minimum: true,
  minLength: true,
  minItems: true,
  exclusiveMinimum: true,
  maximum: false,
  maxLength: false,
  maxItems: false,
  exclusiveMaximum: false,
} as const;

/**
 * Returns the incompatibilities of a schema: of an answer, properties that a reader relies on; of a request, values
 * that a writer may send.
 */
export function findSchemaBreaks(was: Held, is: Held, options: Options): string[] {
  return compare(was, is, options, new Set());
}

function compare(was: Held, is: Held, options: Options, seen: ReadonlySet<string>): string[] {
  const [name, nameNow] = [nameOf(was.schema), nameOf(is.schema)];
  if (name !== '' && name === nameNow && !findChanged(was.document, is.document).has(name)) return [];
  const pair = `${name} ${nameNow}`;
  if (pair !== ' ' && seen.has(pair)) return [];
  const inner = new Set([...seen, pair]);
  const [old, now] = [flatten(was), flatten(is)];
  const at = (schema: Schema, held: Held): Held => ({ document: held.document, schema });
  return [
    ...compareTypes(old, now, options),
    ...compareValues(old, now, options),
    ...compareLimits(old, now, options),
    ...compareFields(old, now, options),
    ...Object.entries(old.properties ?? {}).flatMap(([name, field]) => {
      const found = now.properties?.[name];
      const place = `${options.place}, ${name}`;
      return found === undefined ? [] : compare(at(field, was), at(found, is), { ...options, place }, inner);
    }),
    ...(old.items === undefined || now.items === undefined
      ? []
      : compare(at(old.items, was), at(now.items, is), { ...options, place: `${options.place}, its items` }, inner)),
    ...compareValuesByName(at(old, was), at(now, is), options, inner),
    ...compareAlternatives(at(old, was), at(now, is), options, inner),
  ];
}

/** Compares values under names that the schema does not list: they have one common schema. */
function compareValuesByName(was: Held, is: Held, options: Options, seen: ReadonlySet<string>): string[] {
  const [old, now] = ([was.schema, is.schema] as Schema[]).map(({ additionalProperties }) => additionalProperties);
  // `compareFields` reports whether such values are allowed.
  if (old === undefined || old === false || now === undefined || now === false) return [];
  const [schema, schemaNow] = [old, now].map((given) => (given === true ? {} : given));
  const place = `${options.place}, its values`;
  return compare({ ...was, schema: schema! }, { ...is, schema: schemaNow! }, { ...options, place }, seen);
}

const changedOf = new WeakMap<object, WeakMap<object, ReadonlySet<string>>>();

/**
 * Returns the names of the schemas that differ between the documents, or contain a different one. The result is cached.
 */
function findChanged(before: object, after: object): ReadonlySet<string> {
  const known = changedOf.get(before)?.get(after);
  if (known !== undefined) return known;
  const [old, now] = [before, after].map(
    (document) => (document as { components?: { schemas?: Record<string, object> } }).components?.schemas ?? {},
  );
  const texts = Object.entries(old ?? {}).map(([name, schema]) => [name, JSON.stringify(schema)] as const);
  const changed = new Set(texts.filter(([name, text]) => text !== JSON.stringify(now?.[name])).map(([name]) => name));
  // Iteration of a set includes elements that are added on the way.
  for (const name of changed) {
    for (const [user, text] of texts) if (text.includes(`/schemas/${name}"`)) changed.add(user);
  }
  changedOf.set(before, (changedOf.get(before) ?? new WeakMap<object, ReadonlySet<string>>()).set(after, changed));
  return changed;
}

function compareTypes(was: Schema, is: Schema, { direction, place }: Options): string[] {
  const [old, now] = [was, is].map(({ type }) => (type === undefined ? [] : [type].flat()));
  if (old === undefined || now === undefined) return [];
  // No type means every type. Whole numbers are numbers.
  const covers = (types: readonly string[], type: string) =>
    types.length === 0 || types.includes(type) || (type === 'integer' && types.includes('number'));
  const all = (types: readonly string[], others: readonly string[]) =>
    types.length === 0 ? others.length === 0 : types.every((type) => covers(others, type));
  const fits = direction === 'request' ? all(old, now) : all(now, old);
  const formats = was.format !== undefined && is.format !== was.format && direction === 'answer';
  const narrowed = direction === 'request' && is.format !== undefined && is.format !== was.format;
  return [
    ...(fits ? [] : [`${place}: was ${old.join(' or ') || 'anything'}, is ${now.join(' or ') || 'anything'}`]),
    ...(formats || narrowed ? [`${place}: was of the format ${was.format ?? 'none'}, is ${is.format ?? 'none'}`] : []),
  ];
}

function compareValues(was: Schema, is: Schema, { place, direction }: Options): string[] {
  const [old, now] = [was, is].map(({ enum: values, const: only }) => (only === undefined ? values : [only]));
  if (old === undefined)
    return now !== undefined && direction === 'request' ? [`${place}: takes only ${now.join(', ')} now`] : [];
  if (now === undefined) return direction === 'answer' ? [`${place}: may be any value now`] : [];
  return old.filter((value) => !now.includes(value)).map((value) => `${place}: the value ${String(value)} is gone`);
}

function compareLimits(was: Schema, is: Schema, { place, direction }: Options): string[] {
  if (direction === 'answer') return [];
  const forms = ['pattern', 'multipleOf', 'uniqueItems'].filter(
    (name) => is[name] !== undefined && is[name] !== false && is[name] !== was[name],
  );
  return [...forms.map((name) => `${place}: ${name} is ${String(is[name])} now`), ...compareRanges(was, is, place)];
}

function compareRanges(was: Schema, is: Schema, place: string): string[] {
  return Object.entries(LIMITS).flatMap(([name, isLower]) => {
    const [old, now] = [was[name], is[name]] as [number | undefined, number | undefined];
    if (now === undefined || (old !== undefined && (isLower ? now <= old : now >= old))) return [];
    return [`${place}: ${name} was ${old ?? 'not there'}, is ${now}`];
  });
}

function compareFields(was: Schema, is: Schema, { place, direction }: Options): string[] {
  const [old, now] = [Object.keys(was.properties ?? {}), Object.keys(is.properties ?? {})];
  const gone = old.filter((name) => !now.includes(name));
  const required = new Set(is.required);
  if (direction === 'answer') {
    const loose = (was.required ?? []).filter((name) => now.includes(name) && !required.has(name));
    return [
      ...gone.map((name) => `${place}: the field ${name} is gone`),
      ...loose.map((name) => `${place}: the field ${name} may be left out now`),
    ];
  }
  const demanded = [...required].filter((name) => was.required?.includes(name) !== true);
  const isClosed = is.additionalProperties === false;
  return [
    ...(isClosed ? gone.map((name) => `${place}: the field ${name} is no longer accepted`) : []),
    ...(isClosed && was.additionalProperties !== false && old.length > 0
      ? [`${place}: takes no other fields now`]
      : []),
    ...demanded.map((name) => `${place}: the field ${name} is required now`),
  ];
}

/** Each earlier alternative needs a counterpart: the alternative of the same name, or else at the same place. */
function compareAlternatives(was: Held, is: Held, options: Options, seen: ReadonlySet<string>): string[] {
  const [old, now] = ([was.schema, is.schema] as Schema[]).map(({ oneOf, anyOf }) => oneOf ?? anyOf ?? []);
  return (old ?? []).flatMap((alternative, index) => {
    const name = nameOf(alternative);
    const found = name === '' ? now?.[index] : now?.find((other) => nameOf(other) === name);
    if (found === undefined) return now?.length === 0 ? [] : [`${options.place}: ${name || 'an alternative'} is gone`];
    const place = name === '' ? options.place : `${options.place}, ${name}`;
    return compare({ ...was, schema: alternative }, { ...is, schema: found }, { ...options, place }, seen);
  });
}

/** Returns the schema behind a reference, with all its parts merged. */
function flatten({ document, schema }: Held): Schema {
  const { allOf = [], ...own } = resolveRef(document, schema) as Schema;
  return [...allOf.map((part) => flatten({ document, schema: part })), own].reduce<Schema>(
    (whole, part) => ({
      ...whole,
      ...part,
      properties: { ...whole.properties, ...part.properties },
      required: [...(whole.required ?? []), ...(part.required ?? [])],
    }),
    {},
  );
}

function nameOf(schema: object): string {
  return '$ref' in schema ? String(schema.$ref).split('/').at(-1)! : '';
}
