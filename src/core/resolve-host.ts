import type { LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import type { AddressRules } from './addresses.ts';

/** Resolves all addresses of a host. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

const TIMEOUT_MS = 5_000;

/**
 * Chooses how hosts are resolved. By default it queries name servers: the system's own lookup occupies one of Node's
 * few threads for as long as a name server takes, so the owner of the host name could block it. Where private hosts are
 * allowed it uses the system's lookup, which knows the hosts in its own files.
 */
export function chooseResolver({ allowPrivateAddresses, allow }: AddressRules): Resolve {
  return allowPrivateAddresses || allow.length > 0
    ? (host) => lookup(host, { all: true })
    : (host) => askNameServers(host);
}

/** Queries name servers for the addresses of a host: the system's servers, or the given ones. */
export async function askNameServers(host: string, servers?: readonly string[]): Promise<LookupAddress[]> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
  return [
    ...(v4.status === 'fulfilled' ? v4.value : []).map((address) => ({ address, family: 4 })),
    ...(v6.status === 'fulfilled' ? v6.value : []).map((address) => ({ address, family: 6 })),
  ];
}
