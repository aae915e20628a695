import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isAddressAllowed, isAddressNamed } from '../core/addresses.ts';
import { parseDestination, type Destination } from '../core/destination.ts';
import { askNameServers, type Resolve } from '../core/resolve-host.ts';
import type { RefusalReason } from './connection.ts';

/** The decision on a destination. A connection goes to one of `addresses`, and to no other. */
export type Judgement =
  | { readonly addresses: readonly LookupAddress[] }
  | { readonly refusal: { readonly reason: RefusalReason; readonly words: string } };

export interface EgressRulesOptions {
  /** The agent, for messages. */
  readonly agent: string;
  /** See `sandbox.network.allow`. */
  readonly allow: readonly string[];
  /** Servers of the configuration itself: allowed whatever their addresses are. */
  readonly trusted: readonly Destination[];
  /** Resolves a name that the configuration has. Defaults to the system's lookup, which knows its own files. */
  readonly resolveNamed?: Resolve;
  /**
   * Resolves a name that the agent has chosen, within a domain. Defaults to name servers: the system's own lookup
   * occupies one of Node's few threads for as long as a name server takes.
   */
  readonly resolveChosen?: Resolve;
  /** Returns this machine's own addresses, also public ones. Defaults to those of its interfaces now. */
  readonly listOwnAddresses?: () => readonly string[];
}

const WEB_PORTS: readonly number[] = [443, 80];

/** Decides which destinations the processes of an agent may reach. */
export function createEgressRules(options: EgressRulesOptions): (host: string, port: number) => Promise<Judgement> {
  const {
    agent,
    allow,
    trusted,
    resolveNamed = (host) => lookup(host, { all: true }),
    resolveChosen = (host) => askNameServers(host),
    listOwnAddresses = listInterfaceAddresses,
  } = options;
  const allowed = allow.map(parseDestination);
  const option = `agents.${agent}.sandbox.network.allow`;
  const refuse = (reason: RefusalReason, words: string): Judgement => ({ refusal: { reason, words } });

  return async (host, port) => {
    const isTrusted = trusted.some((place) => place.host === host && place.port === port);
    const named = allowed.filter((place) => isNamed(place, host));
    if (!isTrusted && named.length === 0) {
      return refuse('host', `This agent may not connect to ${host}: ${option} does not contain it.`);
    }
    if (!isTrusted && !named.some((place) => fits(place, port))) {
      return refuse('port', `This agent may not connect to port ${port} of ${host}: ${option} does not contain it.`);
    }
    if (isIP(host) !== 0) return { addresses: [{ address: host, family: isIP(host) }] };
    const isOurs = isTrusted || named.some((place) => place.host === host);
    const found = await (isOurs ? resolveNamed : resolveChosen)(host).catch(() => []);
    if (found.length === 0) return refuse('unknown_host', `The host ${host} is not known.`);
    // The host's own entry has named the port: an address or network without one vouches for the address alone.
    const places = allowed.filter((place) => place.port === null || place.port === port).map((place) => place.host);
    const rules = { allowPrivateAddresses: false, allow: places.filter(isAddressOrNetwork) };
    const own = { allow: listOwnAddresses() };
    const isElsewhere = (address: string) => !isAddressNamed(address, own) || isAddressNamed(address, rules);
    const addresses = isTrusted
      ? found
      : found.filter(({ address }) => isAddressAllowed(address, rules) && isElsewhere(address));
    if (addresses.length > 0) return { addresses };
    const words = `${host} leads to an address that is not public, or to this machine: ${option} must also contain the address or its network.`;
    return refuse('address', words);
  };
}

function listInterfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));
}

/** Returns whether a place of the list is, or contains, a host. */
function isNamed(place: Destination, host: string): boolean {
  if (isIP(host) !== 0) return isAddressOrNetwork(place.host) && isAddressNamed(host, { allow: [place.host] });
  return place.host.startsWith('*.') ? host.endsWith(place.host.slice(1)) : place.host === host;
}

function isAddressOrNetwork(host: string): boolean {
  return host.includes('/') || isIP(host) !== 0;
}

function fits(place: Destination, port: number): boolean {
  return place.port === null ? WEB_PORTS.includes(port) : place.port === port;
}
