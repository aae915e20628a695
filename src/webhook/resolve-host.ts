import type { LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import type { WebhooksConfig } from '../config/config.ts';

/** Finds all addresses of a host. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

const TIMEOUT_MS = 5_000;

/**
 * How hosts are looked up. By asking name servers: the system's own way holds one of Node's few threads for as long as
 * a name server takes, which then belongs to whoever has named the host. Where private hosts are let in it is the
 * system's, which knows those of its own files.
 */
export function chooseResolver({ allowPrivateAddresses, allow }: WebhooksConfig): Resolve {
  return allowPrivateAddresses || allow.length > 0
    ? (host) => lookup(host, { all: true })
    : (host) => askNameServers(host);
}

/** The addresses that name servers have for a host: the system's, or those given. */
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
