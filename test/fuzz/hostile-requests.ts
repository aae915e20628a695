import fc from 'fast-check';
import type { ApiDocument, FoundOperation } from '../../src/api/openapi/document.ts';
import { hostileBody } from './hostile-bodies.ts';
import { HOSTILE_TEXTS } from './hostile-values.ts';

/** A request, and its caller. */
export interface HostileRequest {
  readonly method: string;
  /** The path with its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  /** A caller of the test. */
  readonly caller: string;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema?: { readonly enum?: readonly unknown[]; readonly minimum?: number; readonly maximum?: number };
}

interface Options {
  readonly document: ApiDocument;
  /** Existing ids, the caller's and others'. */
  readonly ids: readonly string[];
  readonly callers: readonly string[];
}

/** Requests to an operation, derived from its description: some almost valid, some nothing like it. */
export function hostileRequest({ method, path, operation }: FoundOperation, options: Options) {
  const { document, ids, callers } = options;
  const parameters = (operation.parameters ?? []) as readonly Parameter[];
  const queries = parameters.filter((parameter) => parameter.in === 'query');
  const names = parameters.filter((parameter) => parameter.in === 'header').map(({ name }) => name);
  return fc
    .record({
      method: fc.oneof({ weight: 12, arbitrary: fc.constant(method) }, fc.constantFrom('HEAD', 'OPTIONS', 'PURGE')),
      segments: fc.array(segment(ids), { minLength: 3, maxLength: 3 }),
      query: fc.array(queryPart(queries, ids), { maxLength: 4 }),
      headers: fc.dictionary(fc.constantFrom('x-forwarded-for', 'origin', ...names, ...names), headerValue, {
        maxKeys: 3,
      }),
      accept: fc.constantFrom(null, null, 'text/event-stream', '*/*', 'text/html', 'x'.repeat(5_000), ';,;q='),
      type: fc.oneof({ weight: 8, arbitrary: fc.constant('application/json') }, fc.constantFrom(...MEDIA_TYPES)),
      body: hostileBody(document, operation),
      caller: fc.constantFrom(...callers),
    })
    .map(({ method, segments, query, headers, accept, type, body, caller }): HostileRequest => {
      const filled = path.replaceAll(/\{\w+\}/g, () => segments.pop() ?? '');
      // The server would wait for a valid `wait`.
      const waits = queries.some(({ name }) => name === 'wait') ? ['wait=0'] : [];
      const search = [...waits, ...query].join('&');
      const hasBody = body !== null && method !== 'GET' && method !== 'HEAD';
      return {
        method,
        url: `${filled}${search === '' ? '' : `?${search}`}`,
        headers: { ...headers, ...(accept !== null && { accept }), ...(hasBody && { 'content-type': type }) },
        body: hasBody ? body : null,
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

/** Values in the form of a `nextCursor`, of some page and invented. */
const CURSORS = [
  '["day","2026-03-10",0]',
  '["user","ann",1e300]',
  '["user","\\u0000",1]',
  '["user",{},-1]',
  '{"__proto__":[]}',
  '['.repeat(5_000),
].map((text) => Buffer.from(text).toString('base64url'));

function queryPart(queries: readonly Parameter[], ids: readonly string[]): fc.Arbitrary<string> {
  const parts = queries
    // Waiting is not tested here.
    .filter(({ name }) => name !== 'wait')
    .map(({ name, schema = {} }) => {
      const { enum: values = [], minimum = 0, maximum = 100 } = schema;
      const good = [...values, minimum, maximum].map(String);
      const near = fc.constantFrom(
        ...good,
        ...ids,
        ...CURSORS,
        String(maximum + 1),
        '2026-03-10T12:00:00Z',
        '2026-03-10',
      );
      return part(name, fc.oneof({ weight: 3, arbitrary: near.map(encodeURIComponent) }, anything));
    });
  const unknown = fc
    .constantFrom('unknown', '__proto__', 'constructor', '', '%00')
    .chain((name) => part(name, anything));
  return fc.oneof(...parts.map((arbitrary) => ({ weight: 3, arbitrary })), unknown);
}

const anything = fc.oneof(encoded, broken, fc.nat().map(String));

const part = (name: string, value: fc.Arbitrary<string>) => value.map((text) => `${name}=${text}`);
