import { describe, expect, it } from 'vitest';
import { createEgressRules } from './egress-rules.ts';

const ADDRESSES: Readonly<Record<string, string[]>> = {
  'registry.example.com': ['93.184.216.34'],
  'cdn.example.org': ['93.184.216.35', '10.1.2.3'],
  'evil.example.org': ['169.254.169.254'],
  'db.internal': ['10.1.2.3', '127.0.0.1'],
  localhost: ['::1', '127.0.0.1'],
  'this-machine.example.org': ['198.51.99.7', '2606:4700::7'],
  'platform.example.org': ['168.63.129.16'],
};

const OWN = ['198.51.99.7', '2606:4700::7'];

const resolve = async (host: string) => {
  const found = ADDRESSES[host];
  if (found === undefined) throw new Error('ENOTFOUND');
  return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};

function judge(allow: readonly string[], trusted: readonly { host: string; port: number }[] = []) {
  const rules = createEgressRules({
    agent: 'coder',
    allow,
    trusted,
    resolveNamed: resolve,
    resolveChosen: resolve,
    listOwnAddresses: () => OWN,
  });
  return async (host: string, port: number) => {
    const judgement = await rules(host, port);
    return 'refusal' in judgement
      ? judgement.refusal.reason
      : judgement.addresses.map(({ address }) => address).join(' ');
  };
}

describe('the rules of a way out', () => {
  it('allow nothing without a list', async () => {
    const ask = judge([]);
    expect(await ask('registry.example.com', 443)).toBe('host');
    expect(await ask('93.184.216.34', 443)).toBe('host');
  });

  it('allow a host on the ports of the web, or on its own port', async () => {
    const ask = judge(['registry.example.com', 'cdn.example.org:8443']);
    expect(await ask('registry.example.com', 443)).toBe('93.184.216.34');
    expect(await ask('registry.example.com', 80)).toBe('93.184.216.34');
    expect(await ask('registry.example.com', 22)).toBe('port');
    expect(await ask('cdn.example.org', 443)).toBe('port');
    expect(await ask('other.registry.example.com', 443)).toBe('host');
  });

  it('allow the names of a domain, and not the domain itself or a name that ends alike', async () => {
    const ask = judge(['*.example.org:443']);
    expect(await ask('cdn.example.org', 443)).toBe('93.184.216.35');
    expect(await ask('example.org', 443)).toBe('host');
    expect(await ask('badexample.org', 443)).toBe('host');
    expect(await ask('gone.example.org', 443)).toBe('unknown_host');
  });

  it('connect to no address that is not public, whatever its name is', async () => {
    const ask = judge(['*.example.org', 'db.internal', 'localhost']);
    expect(await ask('evil.example.org', 443)).toBe('address');
    expect(await ask('db.internal', 443)).toBe('address');
    expect(await ask('localhost', 80)).toBe('address');
    // Only the public one of two.
    expect(await ask('cdn.example.org', 443)).toBe('93.184.216.35');
  });

  it("connect to this machine's public addresses, and to a cloud's own, only if the list has them", async () => {
    const ask = judge(['*.example.org', '198.51.99.8']);
    expect(await ask('this-machine.example.org', 443)).toBe('address');
    expect(await ask('platform.example.org', 443)).toBe('address');
    const named = judge(['*.example.org', '198.51.99.0/24', '168.63.129.16']);
    expect(await named('this-machine.example.org', 443)).toBe('198.51.99.7');
    expect(await named('platform.example.org', 443)).toBe('168.63.129.16');
  });

  it('take no other spelling of an address for the allowed address', async () => {
    const ask = judge(['127.0.0.1', '*.example.org']);
    for (const host of [
      '0x7f000001',
      '2130706433',
      '127.1',
      '017700000001',
      '127.0.0.1.',
      '127.0.0.1%00.example.com',
    ]) {
      expect(await ask(host, 443)).toBe('host');
    }
    expect(await ask('::ffff:7f00:1', 443)).toBe('::ffff:7f00:1');
    expect(await ask('64:ff9b::7f00:1', 443)).toBe('host');
  });

  it('connect to a private address that the list has too, unless for another port', async () => {
    const ask = judge(['db.internal:5432', '10.0.0.0/8']);
    expect(await ask('db.internal', 5432)).toBe('10.1.2.3');
    expect(await ask('10.1.2.3', 5432)).toBe('port');
    const other = judge(['db.internal:5432', '10.1.2.3:443']);
    expect(await other('db.internal', 5432)).toBe('address');
    const both = judge(['db.internal:5432', '10.1.2.3:5432']);
    expect(await both('db.internal', 5432)).toBe('10.1.2.3');
    expect(await both('10.1.2.3', 5432)).toBe('10.1.2.3');
    expect(await both('10.1.2.3', 443)).toBe('port');
    expect(await both('10.1.2.4', 5432)).toBe('host');
  });

  it('understand IPv6 addresses, and IPv4 addresses in their form', async () => {
    const ask = judge(['[2606:4700::1111]:8443', '10.1.2.3']);
    expect(await ask('2606:4700::1111', 8443)).toBe('2606:4700::1111');
    expect(await ask('::ffff:10.1.2.3', 443)).toBe('::ffff:10.1.2.3');
    expect(await ask('::1', 443)).toBe('host');
  });

  it('trust the servers of the configuration wherever they are, on their port', async () => {
    const ask = judge([], [{ host: 'db.internal', port: 7000 }]);
    expect(await ask('db.internal', 7000)).toBe('10.1.2.3 127.0.0.1');
    expect(await ask('db.internal', 443)).toBe('host');
  });
});
