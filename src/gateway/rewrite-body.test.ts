import { expect, test } from 'vitest';
import { withMembers } from './rewrite-body.ts';

const rewrite = (json: string, members: object): string =>
  Buffer.concat([...withMembers(Buffer.from(json), { ...members })]).toString();

test('the given members are set, and no other byte is touched', () => {
  const json = `\n{ "model" : "m",\t"max_tokens": 32000 , "big":12345678901234567890, "n":1.0,"s":"Grüße 🚀\\"max_tokens\\":5",
    "messages":[{"max_tokens":1,"thinking":{"a":[{}]}}], "thinking":{"type":"enabled","budget_tokens":31999}}\n`;
  expect(rewrite(json, { max_tokens: 7, thinking: { type: 'disabled' } })).toBe(
    json.replace(' 32000 ', '7').replace('{"type":"enabled","budget_tokens":31999}', '{"type":"disabled"}'),
  );
});

test.each([
  ['{}', '{"a":1}'],
  ['{ }', '{"a":1 }'],
  ['{"b":"}"}', '{"a":1,"b":"}"}'],
  ['{"b":{"a":2}}', '{"a":1,"b":{"a":2}}'],
])('a member that %s does not have is added', (json, expected) => {
  expect(rewrite(json, { a: 1 })).toBe(expected);
});

test.each([
  ['{"a":2,"a":3}', '{"a":1,"a":1}'],
  ['{"\\u0061":2}', '{"\\u0061":1}'],
  ['{"a":"\\\\"}', '{"a":1}'],
  ['{"a":"\\\\\\"","c":"a"}', '{"a":1,"c":"a"}'],
  ['{"a":[{"a":2},","]}', '{"a":1}'],
  ['{"b":"a","a":2}', '{"b":"a","a":1}'],
])('in %s it is found however it is spelled', (json, expected) => {
  expect(rewrite(json, { a: 1 })).toBe(expected);
});

test.each([
  ['{"a":1}', '{}'],
  ['{ "a" : 1 }', '{}'],
  ['{"a":1,"b":2}', '{"b":2}'],
  ['{"b":2, "a":{"a":[1,","]} }', '{"b":2}'],
  ['{"b":2,"a":1 , "c":1.0}', '{"b":2, "c":1.0}'],
  ['{"a":1,"b":{"a":2},"\\u0061":3}', '{"b":{"a":2}}'],
  ['{}', '{}'],
])('in %s a member that is set to undefined is left out', (json, expected) => {
  expect(rewrite(json, { a: undefined })).toBe(expected);
});

test('a body in parts is rewritten as a whole', () => {
  const parts = ['{"mod', 'el":"m","b":1', '}'].map((part) => Buffer.from(part));
  expect(Buffer.concat(withMembers(parts, { model: undefined, c: 2 })).toString()).toBe('{"c":2,"b":1}');
});
