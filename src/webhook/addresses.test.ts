import { describe, expect, it } from 'vitest';
import type { WebhooksConfig } from '../config/config.ts';
import { isAddressAllowed } from '../core/addresses.ts';
import { findUrlProblem } from './check-url.ts';

const strict: WebhooksConfig = { allowHttp: false, allowPrivateAddresses: false, allow: [] };
const local = { ...strict, allowPrivateAddresses: true };

describe('an address for webhooks', () => {
  it.each(['93.184.216.34', '8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])(
    'is a public one, such as %s',
    (address) => {
      expect(isAddressAllowed(address, strict)).toBe(true);
    },
  );

  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '10.0.0.7',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    'fd12::1',
    '::ffff:10.0.0.7',
    '::ffff:7f00:1',
  ])('is %s, of a private network, only where those are allowed', (address) => {
    expect(isAddressAllowed(address, strict)).toBe(false);
    expect(isAddressAllowed(address, local)).toBe(true);
  });

  it.each([
    '169.254.169.254',
    'fe80::1',
    'fe80::1%eth0',
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '255.255.255.255',
    '224.0.0.1',
    'ff02::1',
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '192.88.99.1',
    '::ffff:169.254.169.254',
    '::ffff:0.0.0.0',
    '::7f00:1',
    '::a9fe:a9fe',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'fec0::1',
    '3fff::1',
    '100::1',
    'fd00:ec2::254x',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '',
    'example.com',
  ])('is never %s, unless the configuration names it', (address) => {
    expect(isAddressAllowed(address, strict)).toBe(false);
    expect(isAddressAllowed(address, local)).toBe(false);
  });

  it('is any address that the configuration names, alone or in a network, in either form', () => {
    const config = { ...strict, allow: ['10.1.0.0/16', '169.254.169.254', 'fd00::/8', 'hooks.internal'] };
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '169.254.169.254', 'fd00:ec2::254']) {
      expect(isAddressAllowed(address, config)).toBe(true);
    }
    for (const address of ['10.2.0.1', '169.254.169.253', 'fe80::1', '127.0.0.1']) {
      expect(isAddressAllowed(address, config)).toBe(false);
    }
  });
});

describe('the URL of a webhook', () => {
  it.each([
    'https://example.com/hook?key=1',
    'https://example.com:8443',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/x',
  ])('may be %s', (url) => {
    expect(findUrlProblem(url, strict)).toBeNull();
  });

  it.each([
    ['', 'must be an https URL'],
    ['hook', 'must be an https URL'],
    ['ftp://example.com', 'must be an https URL'],
    ['file:///etc/passwd', 'must be an https URL'],
    ['http://example.com', 'http is refused'],
    ['https://user@example.com', 'user or password'],
    ['https://:secret@example.com', 'user or password'],
    ['https://example.com:25', 'port below 1024'],
    ['https://example.com:22', 'port below 1024'],
    ['https://localhost', 'this machine'],
    ['https://localhost.:443', 'this machine'],
    ['https://app.localhost', 'this machine'],
    ['https://127.0.0.1', 'this machine'],
    ['https://2130706433', 'this machine'],
    ['https://0x7f000001', 'this machine'],
    ['https://0177.0.0.1', 'this machine'],
    ['https://017700000001', 'this machine'],
    ['https://127.1', 'this machine'],
    ['https://0', 'this machine'],
    ['https://%31%32%37.0.0.1', 'this machine'],
    ['https://①②⑦.0.0.1', 'this machine'],
    ['https://[::1]', 'this machine'],
    ['https://[::ffff:127.0.0.1]', 'this machine'],
    ['https://[::ffff:7f00:1]', 'this machine'],
    ['https://[64:ff9b::7f00:1]', 'this machine'],
    ['https://[fe80::1]', 'this machine'],
    ['https://169.254.169.254/latest/meta-data', 'this machine'],
    ['https://2852039166', 'this machine'],
    [`https://example.com/${'x'.repeat(2_000)}`, 'at most 2000'],
  ])('may not be %s', (url, why) => {
    expect(findUrlProblem(url, strict)).toContain(why);
  });

  it('may be more if the configuration allows it', () => {
    const config = { allowHttp: true, allowPrivateAddresses: false, allow: ['hooks.internal', '10.1.0.0/16'] };
    for (const url of [
      'http://hooks.internal:80',
      'https://hooks.internal:99/x',
      'http://10.1.2.3:81',
      'http://example.com',
    ]) {
      expect(findUrlProblem(url, config)).toBeNull();
    }
    expect(findUrlProblem('http://10.2.0.1', config)).toContain('private network');
    expect(findUrlProblem('http://localhost:3000', { ...local, allowHttp: true })).toBeNull();
    expect(findUrlProblem('http://169.254.169.254', { ...local, allowHttp: true })).toContain('private network');
  });
});
