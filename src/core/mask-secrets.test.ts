import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findSecrets } from './find-secrets.ts';
import { createId } from './ids.ts';
import { maskedHead, maskedTail, maskSecrets, maskSecretsIn } from './mask-secrets.ts';
import { createStreamMask } from './stream-mask.ts';

// Put together here, so that nothing in this file looks like a key to tools that search files for keys.
const letters = (count: number) =>
  randomBytes(count * 2)
    .toString('base64')
    .replace(/[+/=]/g, '')
    .slice(0, count);
const join = (...parts: readonly string[]) => parts.join('-');
const pem = (type: 'pkcs1' | 'pkcs8', passphrase?: string) =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type, format: 'pem', ...(passphrase !== undefined && { cipher: 'aes-256-cbc', passphrase }) },
  }).privateKey.trim();

const KEYS: readonly (readonly [kind: string, key: string])[] = [
  ['anthropic-api-key', join('sk-ant', `api03-${letters(93)}AA`)],
  ['anthropic-api-key', join('sk-ant', `oat01-${letters(40)}`)],
  ['longhaul-api-key', `lh_${randomBytes(32).toString('base64url')}`],
  ['openai-token', `sk-${letters(20)}T3BlbkFJ${letters(20)}`],
  ['openai-token', join('sk', 'proj', letters(100))],
  ['aws-access-key-id', 'AKIAIOSFODNN7EXAMPLE'],
  ['github-token', `ghp_${letters(36)}`],
  ['github-token', `github_pat_${letters(82)}`],
  ['slack-token', join('xoxb', '123456789012', '1234567890123', letters(24))],
  ['incoming-webhook', `https://hooks.slack.com/services/T00000000/B00000000/${letters(24)}`],
  ['google-api-key', `AIza${letters(35)}`],
  ['npm-access-token', `npm_${letters(36)}`],
  ['stripe-secret-key-live', `sk_live_${letters(24)}`],
  ['json-web-token', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${letters(43)}`],
  ['private-key', pem('pkcs1')],
  ['private-key', pem('pkcs8')],
  ['private-key', pem('pkcs1', 'x')],
];

/** Surroundings of a key, with `%` for the key. */
const SURROUNDINGS = ['%', 'The key is %.', 'KEY="%"', '{"key":"%"}', 'a\n%\nb', 'one % two', '(%)', '`%`'];

/** Keys that only their surroundings identify, with the rest of the text. */
const TOLD_BY_CONTEXT: readonly (readonly [text: string, masked: string])[] = [
  [`AWS_SECRET_ACCESS_KEY=${'a/B+'.repeat(10)}`, 'AWS_SECRET_ACCESS_KEY=[masked: aws-secret-access-key]'],
  [`secretAccessKey: '${'wJal'.repeat(10)}',`, "secretAccessKey: '[masked: aws-secret-access-key]',"],
  [
    `{\\"SecretAccessKey\\": \\"${'wJal'.repeat(10)}\\"}`,
    '{\\"SecretAccessKey\\": \\"[masked: aws-secret-access-key]\\"}',
  ],
  ['//host/:_authToken=0123456789abcdef and on', '//host/:_authToken=[masked: npmrc-auth-token] and on'],
  ['https://bob:hunter2@example.com/a?b#c', 'https://bob:[masked: url-password]@example.com/a?b#c'],
  ['postgres://longhaul:p@ss#w?rd!@db:5432/x', 'postgres://longhaul:[masked: url-password]@db:5432/x'],
  ['"redis://:secret@[::1]:6379/0"', '"redis://:[masked: url-password]@[::1]:6379/0"'],
  ['mongodb+srv://u:p%40ss@c.example.net', 'mongodb+srv://u:[masked: url-password]@c.example.net'],
];

const HARMLESS = [
  randomUUID(),
  createId(),
  `/v1/runs/${createId()}/events`,
  randomBytes(32).toString('hex'),
  `data:image/png;base64,${randomBytes(30_000).toString('base64')}`,
  'http://localhost:4400/users/ann@example.com',
  'http://localhost:4400?user=ann@example.com',
  'ann@example.com: see https://example.com:8443/a@b',
  'git@github.com:owner/name.git, ssh://git@github.com/owner/name.git',
  'SG.config.name, sk-test, sk-ant, lh_, npm_config_registry, task_live_updates, AKIA',
  '_authToken=${NPM_TOKEN}',
  'account_id = 123456789012',
  '-----BEGIN PRIVATE KEY----- is how the file of a private key begins, and -----END PRIVATE KEY----- how it ends.',
  '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
  'sha512-hfdYra+ZB6RmviEApxeL/YCx4ovBtpj0d9c+uhlCZaCikObjb8Sb8yqBN6g8/9tt7qD7LXGE3k9RtVvGK1fNVw==',
];

describe('maskSecrets', () => {
  it.each(KEYS)('replaces a key by its kind, %s, in any surroundings', (kind, key) => {
    for (const surrounding of SURROUNDINGS) {
      expect(maskSecrets(surrounding.replace('%', () => key))).toBe(surrounding.replace('%', `[masked: ${kind}]`));
    }
  });

  it.each(KEYS)('finds a key in JSON inside JSON: %s', (kind, key) => {
    const text = JSON.stringify({ output: JSON.stringify({ text: `before\n${key}\nafter` }) });
    expect(maskSecrets(text)).toBe(text.replace(JSON.stringify(JSON.stringify(key)).slice(3, -3), `[masked: ${kind}]`));
  });

  it.each(TOLD_BY_CONTEXT)('replaces only the key in %s', (text, masked) => {
    expect(maskSecrets(text)).toBe(masked);
  });

  it.each(HARMLESS)('leaves a text without keys unchanged %#', (text) => {
    expect(maskSecrets(text)).toBe(text);
  });

  it('masks the received part of a private key that was cut off', () => {
    const lines = pem('pkcs8').split('\n').slice(0, 6).join('\n');
    expect(maskSecrets(`${lines}\nThe rest is not shown.`)).toBe('[masked: private-key]\nThe rest is not shown.');
    expect(maskSecrets(lines.slice(0, -40))).toBe('[masked: private-key]');
  });

  it('masks every key of a text, and changes nothing the second time', () => {
    const text = [...KEYS.map(([, key]) => key), ...TOLD_BY_CONTEXT.map(([one]) => one), ...HARMLESS].join('\n');
    const masked = maskSecrets(text);
    for (const [, key] of KEYS) expect(masked).not.toContain(key);
    expect(maskSecrets(masked)).toBe(masked);
    expect(findSecrets(masked)).toEqual([]);
  });

  it.each([
    '-----BEGIN PRIVATE KEY-----\n',
    'a://b:',
    'xoxb-a-',
    'ey',
    'secret_access_key=',
    'https://',
    '\\\\',
    '-',
    'SG.a.',
    '_authToken= ',
  ])('takes only a moment for a hostile repetition of %j', (part) => {
    const text = part.repeat(200_000 / part.length);
    const startedAt = performance.now();
    maskSecrets(text);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe('maskSecretsIn', () => {
  it('masks texts at every depth, including names, and leaves everything else unchanged', () => {
    const key = `ghp_${letters(36)}`;
    expect(maskSecretsIn({ a: [1, null, true, { b: `x ${key}` }], [key]: 'c' })).toEqual({
      a: [1, null, true, { b: 'x [masked: github-token]' }],
      '[masked: github-token]': 'c',
    });
  });

  it('recognizes a key by the name of its field', () => {
    expect(maskSecretsIn({ SecretAccessKey: 'wJal'.repeat(10), digest: 'wJal'.repeat(10) })).toEqual({
      SecretAccessKey: '[masked: aws-secret-access-key]',
      digest: 'wJal'.repeat(10),
    });
  });

  it('masks the result of toJSON', () => {
    expect(maskSecretsIn({ at: new Date(0) })).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });

  it('keeps a field called __proto__, and cuts a value that is nested without end', () => {
    expect(JSON.stringify(maskSecretsIn(JSON.parse('{"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1}}');
    let deep: unknown = 'bottom';
    for (let depth = 0; depth < 50_000; depth++) deep = [deep];
    expect(JSON.stringify(maskSecretsIn(deep))).toContain('[nested too deeply]');
  });
});

describe('a mask of a stream', () => {
  const text = [...KEYS, ...TOLD_BY_CONTEXT].map(([one, other], index) => `${index}: ${one} = ${other} .`).join('\n');
  const cut = (sizeOf: () => number) => {
    const mask = createStreamMask();
    let masked = '';
    for (let index = 0; index < text.length;) {
      const size = sizeOf();
      masked += mask.push(text.slice(index, index + size));
      index += size;
    }
    return masked + mask.end();
  };

  it.each([1, 2, 3, 7, 64, 1_000])('returns the same as maskSecrets, in pieces of %d', (size) => {
    expect(cut(() => size)).toBe(maskSecrets(text));
  });

  it('returns the same in pieces of any size', () => {
    for (let round = 0; round < 50; round++)
      expect(cut(() => 1 + Math.floor(Math.random() * 40))).toBe(maskSecrets(text));
  });

  it('passes a word on as soon as it has ended', () => {
    const mask = createStreamMask();
    expect(['The ', 'qu', 'ick fo', 'x\n'].map((piece) => mask.push(piece))).toEqual(['The ', '', 'quick ', 'fox\n']);
    expect(mask.push('-----BEGIN PRIVATE KEY----- is ')).toBe('-----BEGIN PRIVATE KEY----- is ');
    expect(mask.end()).toBe('');
  });

  it('repeats no text of an endless word', () => {
    const parts = [
      'a'.repeat(500),
      'eyJhbGciOiJI',
      '.',
      'b'.repeat(300),
      'x://u:',
      '@h',
      '-----BEGIN PRIVATE KEY-----',
      '=',
      ' ',
    ];
    for (let round = 0; round < 30; round++) {
      const mask = createStreamMask();
      const pieces = Array.from({ length: 200 }, () => parts[Math.floor(Math.random() ** 0.5 * parts.length)]!);
      const masked = pieces.map((piece) => mask.push(piece)).join('') + mask.end();
      const kept = masked.split(/\[masked: [a-z-]+\]/);
      let position = 0;
      for (const part of kept) {
        const found = pieces.join('').indexOf(part, position);
        expect(found).toBeGreaterThanOrEqual(position);
        position = found + part.length;
      }
    }
  });

  it('holds back a limited part of an endless word, and masks a key at its end', () => {
    const mask = createStreamMask();
    const image = randomBytes(60_000).toString('base64').replaceAll('=', '');
    let masked = '';
    for (let index = 0; index < image.length; index += 100) {
      masked += mask.push(image.slice(index, index + 100));
      expect(index - masked.length).toBeLessThanOrEqual(4_096);
    }
    masked += mask.push(`,${KEYS[0]![1]} `);
    expect(masked + mask.end()).toBe(`${image},[masked: anthropic-api-key] `);
  });
});

it('masks a text before it is shortened, so that no half of a key is left', () => {
  const [kind, key] = KEYS.find(([, one]) => one.startsWith('ghp'))!;
  const text = `${'x '.repeat(400)}${key}${' y'.repeat(400)}`;
  for (let length = 780; length <= 850; length++) {
    for (const shortened of [maskedHead(text, length), maskedTail(text, length)]) {
      expect(shortened).not.toContain(key.slice(0, 8));
      expect(shortened).not.toContain(key.slice(-8));
      expect(shortened.length).toBeLessThanOrEqual(length);
    }
  }
  expect(maskedHead(`${key} and more`, 100)).toBe(`[masked: ${kind}] and more`);
  expect(maskedTail(`more and ${key}`, 100)).toBe(`more and [masked: ${kind}]`);
});
