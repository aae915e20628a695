import fc from 'fast-check';
import { resolveRef, type ApiDocument, type Operation } from '../../src/api/openapi/document.ts';
import { HOSTILE_BODIES, hostileValue } from './hostile-values.ts';

/** Bodies for an operation that takes one, derived from its example; for others, no body or an unexpected one. */
export function hostileBody(
  document: ApiDocument,
  { requestBody }: Operation,
): fc.Arbitrary<string | Uint8Array | null> {
  const unasked = fc.constantFrom(null, '{}', ...HOSTILE_BODIES);
  if (requestBody === undefined) return fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, unasked);
  const asked = spoiledBody(toExample(document, requestBody));
  return fc.oneof({ weight: 20, arbitrary: asked }, fc.constantFrom(null, '{}'));
}

function toExample(document: ApiDocument, requestBody: object): unknown {
  const { content = {} } = resolveRef(document, requestBody) as {
    content?: Record<string, { example?: unknown }>;
  };
  return content['application/json']?.example;
}

function spoiledBody(example: unknown): fc.Arbitrary<string | Uint8Array> {
  return fc.oneof(
    { weight: 6, arbitrary: spoiled(example) },
    { weight: 2, arbitrary: hostileValue.map((value) => JSON.stringify(value) ?? 'null') },
    { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_BODIES) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.constant(JSON.stringify(example)) },
  );
}

/** The example with a field changed, left out, doubled or added. */
function spoiled(example: unknown): fc.Arbitrary<string> {
  const places = findPlaces(example, []);
  return fc
    .record({
      place: fc.constantFrom(...places),
      value: hostileValue,
      how: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'twice'),
      name: fc.constantFrom('__proto__', 'constructor', 'toString', 'unknown', '', '\u0000', 'a.b', 'x'.repeat(2_000)),
    })
    .map(({ place, value, how, name }) => {
      const text = JSON.stringify(value) ?? 'null';
      if (how === 'add') return write(example, [], (fields) => [...fields, `${JSON.stringify(name)}:${text}`]);
      const last = JSON.stringify(place.at(-1) ?? '');
      const own = (field: string) => field.startsWith(`${last}:`);
      return write(example, place.slice(0, -1), (fields) => {
        if (how === 'remove') return fields.filter((field) => !own(field));
        if (how === 'twice') return [...fields, `${last}:${text}`];
        return fields.map((field) => (own(field) ? `${last}:${text}` : field));
      });
    });
}

function findPlaces(value: unknown, path: readonly string[]): string[][] {
  if (typeof value !== 'object' || value === null) return path.length === 0 ? [[]] : [[...path]];
  return [[...path], ...Object.entries(value).flatMap(([key, inner]) => findPlaces(inner, [...path, key]))];
}

/** JSON of a value, with the fields of the object at `place` changed as texts, so that a key can occur twice. */
function write(value: unknown, place: readonly string[], change: (fields: string[]) => string[]): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const [next, ...rest] = place;
  const inner = (key: string, item: unknown) => (key === next ? write(item, rest, change) : JSON.stringify(item));
  if (Array.isArray(value)) return `[${value.map((item, index) => inner(String(index), item)).join()}]`;
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${inner(key, item)}`);
  return `{${(place.length === 0 ? change(fields) : fields).join()}}`;
}
