import { expect, it } from 'vitest';
import { toSafeUrl } from './safe-url.ts';

it('lets an address be opened only when it is a whole one of a web site or for mail, and says where it leads', () => {
  expect(toSafeUrl('https://example.com/a?b#c')).toEqual({ href: 'https://example.com/a?b#c', host: 'example.com' });
  expect(toSafeUrl('mailto:ann@example.com')?.host).toBe('ann@example.com');
  expect(toSafeUrl('https://exаmple.com/')?.host).toBe('xn--exmple-4nf.com');
  const refused = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    '//example.com',
    '/v1/keys',
    'https://example.com@other.example/',
    '',
  ];
  for (const url of refused) expect(toSafeUrl(url)).toBeNull();
});
