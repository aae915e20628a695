import fc from 'fast-check';
import { resolveRef, type ApiDocument, type FoundOperation } from '../../src/api/openapi/document.ts';
import { HOSTILE_BODIES, HOSTILE_TEXTS, hostileValue } from './hostile-values.ts';

/** What is to be sent, and as whom. */
export interface HostileRequest {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  /** Which of the callers that a test has. */
  readonly caller: string;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
}

interface Options {
  readonly document: ApiDocument;
  /** Ids of things that there are, the caller's and others'. */
  readonly ids: readonly string[];
  readonly callers: readonly string[];
}

/** Requests to an operation, made of its description: sometimes all but right, sometimes nothing like it. */
export function hostileRequest({ method, path, operation }: FoundOperation, options: Options) {
  const { document, ids, callers } = options;
  const parameters = (operation.parameters ?? []) as readonly Parameter[];
  const queries = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  const names = parameters.filter((parameter) => parameter.in === 'header').map(({ name }) => name);
  const body = operation.requestBody === undefined ? fc.constant(null) : hostileBody(toExample(document, operation));
  return fc
    .record({
      segments: fc.array(segment(ids), { minLength: 3, maxLength: 3 }),
      query: fc.array(queryPart([...queries, 'unknown', '__proto__']), { maxLength: 4 }),
      headers: fc.dictionary(fc.constantFrom('accept', 'x-forwarded-for', 'origin', ...names, ...names), headerValue, {
        maxKeys: 3,
      }),
      type: fc.oneof({ weight: 8, arbitrary: fc.constant('application/json') }, fc.constantFrom(...MEDIA_TYPES)),
      body: fc.oneof({ weight: 20, arbitrary: body }, fc.constantFrom(null, '{}')),
      caller: fc.constantFrom(...callers),
    })
    .map(({ segments, query, headers, type, body, caller }): HostileRequest => {
      const filled = path.replaceAll(/\{\w+\}/g, () => segments.pop() ?? '');
      // A good `wait` would be waited for.
      const waits = queries.includes('wait') ? ['wait=0'] : [];
      const search = [...waits, ...query].join('&');
      return {
        method,
        url: `${filled}${search === '' ? '' : `?${search}`}`,
        headers: { ...headers, ...(body !== null && { 'content-type': type }) },
        body: method === 'GET' ? null : body,
        caller,
      };
    });
}

const MEDIA_TYPES = [
  'text/plain',
  'application/json; charset=utf-16',
  'application/json;;;',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/problem+json',
  '',
];

const headerValue = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '*/*',
    'text/html',
    '-1',
    '1e9',
    '9'.repeat(400),
    'x'.repeat(5_000),
    '\u00ff\u00fe',
    'null',
    '"',
  ),
  fc.string({ maxLength: 300 }).map((text) => text.replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/g, '')),
);

const encoded = fc
  .constantFrom(...HOSTILE_TEXTS)
  .map((text) => encodeURIComponent(text.toWellFormed().slice(0, 4_000)));
const broken = fc.constantFrom('%', '%zz', '%ff', '%e0%a4%a', '%c0%80', '..%2f..%2fetc', '%00', '%ed%a0%80');

function segment(ids: readonly string[]) {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...ids) },
    { weight: 1, arbitrary: fc.uuid() },
    { weight: 2, arbitrary: encoded.map((text) => text || '%20') },
    { weight: 1, arbitrary: broken },
  );
}

function queryPart(names: readonly string[]) {
  // What asks to be waited for is not in question here.
  const name = fc.constantFrom(...names.filter((name) => name !== 'wait'));
  return fc.tuple(name, fc.oneof(encoded, broken, fc.nat().map(String))).map(([key, value]) => `${key}=${value}`);
}

function toExample(document: ApiDocument, { requestBody }: FoundOperation['operation']): unknown {
  const { content = {} } = resolveRef(document, requestBody ?? {}) as {
    content?: Record<string, { example?: unknown }>;
  };
  return content['application/json']?.example;
}

function hostileBody(example: unknown): fc.Arbitrary<string | Uint8Array> {
  return fc.oneof(
    { weight: 6, arbitrary: spoiled(example) },
    { weight: 2, arbitrary: hostileValue.map((value) => JSON.stringify(value) ?? 'null') },
    { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_BODIES) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.constant(JSON.stringify(example)) },
  );
}

/** The example with one of its fields made another, left out, or given twice, or with one more. */
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

/** JSON of a value, with the fields of the object at `place` changed as texts: so that a key can be there twice. */
function write(value: unknown, place: readonly string[], change: (fields: string[]) => string[]): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const [next, ...rest] = place;
  const inner = (key: string, item: unknown) => (key === next ? write(item, rest, change) : JSON.stringify(item));
  if (Array.isArray(value)) return `[${value.map((item, index) => inner(String(index), item)).join()}]`;
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${inner(key, item)}`);
  return `{${(place.length === 0 ? change(fields) : fields).join()}}`;
}
