import { expect, test } from 'vitest';
import { countMembers, scanJson } from './scan-json.ts';

const scan = (json: string) => scanJson(Buffer.from(json));

test('values are counted at any depth, and not within texts', () => {
  expect(scan('{"a":[1,2,3]}')).toEqual({ values: 4, members: 1 });
  expect(scan('[[[[[]]]]]').values).toBe(5);
  expect(scan(JSON.stringify({ text: ',[{,[{\\",[{"\\\\:' }))).toEqual({ values: 1, members: 1 });
  expect(scan('{"text":"not closed ,,,,').values).toBe(1);
});

test.each([
  ['{}', false],
  ['[]', false],
  ['{"a":1,"b":[{"a":2},{"a":{"a":3}}]}', false],
  ['{"a":"x:y","b\\":\\"":"\\\\","c":":"}', false],
  ['{"__proto__":1,"constructor":{"__proto__":null}}', false],
  ['{"0":1,"00":2, "1" : null}', false],
  ['{"model":"a","model":"b"}', true],
  ['{"model":"a","mod\\u0065l":"b"}', true],
  ['{"__proto__":1,"__proto__":2}', true],
  ['{"thinking":{"budget_tokens":1,"budget_tokens":31999}}', true],
  ['{"tools":[{"name":"a"},[[{"max_uses":1,"b":0,"max_uses":9}]]]}', true],
])('%s has more members as a text than as a value: %j', (json, expected) => {
  expect(scan(json).members > countMembers(JSON.parse(json))).toBe(expected);
  expect(scan(json).members < countMembers(JSON.parse(json))).toBe(false);
});

test('members are counted at any depth', () => {
  const depth = 100_000;
  const json = '{"a":['.repeat(depth) + '{"b":1,"b":1}' + ']}'.repeat(depth);
  expect(scan(json).members).toBe(depth + 2);
  expect(countMembers(JSON.parse(json))).toBe(depth + 1);
});
