import fc from 'fast-check';

/** Texts that have broken programs. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udc00\ud800',
  '\ufeff',
  '\u202e',
  '🎉'.repeat(300),
  'x'.repeat(100_000),
  "' or 1=1 --",
  '$1',
  '%s%n',
  '../../etc/passwd',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '1e1000',
  '-1',
  '9007199254740993',
  '0x10',
  'NaN',
  'null',
  '2026-02-30T00:00:00Z',
  '0000-00-00T00:00:00Z',
  '99999-01-01T00:00:00Z',
  '00000000-0000-0000-0000-000000000000',
  'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
  'http://169.254.169.254/latest',
  'file:///etc/passwd',
  'http://[::1',
  '* * * * * *',
  '@yearly',
  'Europe/Nowhere',
];

const nest = (depth: number): unknown => {
  let value: unknown = 'x';
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

/** Values that fit no field, and some that are almost valid. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<unknown>(...HOSTILE_TEXTS) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      false,
      0,
      -0,
      -1,
      1.5,
      1e-320,
      1e308,
      2 ** 31,
      -(2 ** 31) - 1,
      2 ** 53,
      2 ** 63,
      [],
      {},
      [[]],
      [null],
      nest(50),
      nest(2_000),
      Array.from({ length: 3_000 }, () => 0),
      Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`k${index}`, index])),
      JSON.parse('{"__proto__":{"isAdmin":true}}'),
      { constructor: { prototype: { isAdmin: true } } },
      JSON.parse('{"toString":1,"valueOf":1,"then":1,"length":-1}'),
      { toJSON: 'x' },
    ),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.double() },
);

const bytes = (...values: number[]) => new Uint8Array(values);
const around = (inside: readonly number[]) =>
  bytes(...Buffer.from('{"agent":"reader","prompt":"'), ...inside, ...Buffer.from('"}'));

/** Whole bodies: not JSON, not UTF-8, or JSON that is hard to parse. */
export const HOSTILE_BODIES: readonly (string | Uint8Array)[] = [
  '',
  ' ',
  '{',
  '}',
  'null',
  '"x"',
  '[]',
  'undefined',
  '{"agent":}',
  "{'agent':'reader'}",
  '{"agent":"reader","agent":"brief","prompt":"x","prompt":1}',
  '{"__proto__":{"agent":"reader","prompt":"x"}}',
  '{"agent":"reader","prompt":"x","constructor":{"prototype":{"admin":true}}}',
  '{"agent":"reader","prompt":"\\ud800"}',
  '{"agent":"reader","prompt":"\\u0000"}',
  '{"priority":1e400}',
  `{"priority":${'9'.repeat(10_000)}}`,
  '['.repeat(200_000),
  `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
  `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  `{"prompt":"${'x'.repeat(1_048_600)}"}`,
  `{"runs":[${'{},'.repeat(999)}{}]}`,
  `{"runs":[${'{},'.repeat(5_000)}{}]}`,
  '\ufeff{"agent":"reader","prompt":"x"}',
  around([0xff, 0xfe]),
  around([0xc0, 0x80]),
  around([0xed, 0xa0, 0x80]),
  around([0xf8, 0x88, 0x80, 0x80, 0x80]),
  bytes(...Buffer.from('{"agent":"reader"}', 'utf16le')),
  bytes(0x1f, 0x8b, 8, 0, 0),
];
