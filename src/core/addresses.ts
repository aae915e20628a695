import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** The addresses that may be reached besides public addresses. */
export interface AddressRules {
  /** True to permit private networks and this machine. */
  readonly allowPrivateAddresses: boolean;
  /** Hosts, addresses and networks that are permitted whatever they are. */
  readonly allow: readonly string[];
}

/**
 * Private networks. Other ranges that are not public (link-local, multicast, reserved, tunnels) must be named to be
 * allowed.
 */
const PRIVATE = new Set(['private', 'uniqueLocal', 'loopback', 'carrierGradeNat']);

/** The IPv6 addresses that have been allocated so far. */
const GIVEN_OUT = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Public in form, but inside the networks of a cloud: its service for the machines themselves.
 * https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
 */
const PLATFORM: ReadonlySet<string> = new Set(['168.63.129.16']);

/** Returns whether an IP address may be reached. Rejects every text that is not an address. */
export function isAddressAllowed(address: string, rules: AddressRules): boolean {
  const parsed = parse(address);
  if (parsed === null) return false;
  if (isAddressNamed(address, rules) || isPublic(parsed)) return true;
  return rules.allowPrivateAddresses && PRIVATE.has(parsed.range());
}

/** Returns whether the rules name an IP address, or a network that contains it. */
export function isAddressNamed(address: string, { allow }: Pick<AddressRules, 'allow'>): boolean {
  const parsed = parse(address);
  return parsed !== null && allow.some((place) => contains(place, parsed));
}

/** Parses an address in the system's notation. Rejects other forms, which only some programs accept as an address. */
function parse(address: string): Address | null {
  // Only link-local addresses have a zone, as in `fe80::1%eth0`.
  if (isIP(address) === 0 || address.includes('%')) return null;
  // Converts `::ffff:10.0.0.1` to the address it stands for.
  return ipaddr.process(address);
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast' || PLATFORM.has(address.toString())) return false;
  return address instanceof ipaddr.IPv4 || address.match(GIVEN_OUT);
}

/** Returns whether a place contains the address; a host name contains none, because it is not resolved here. */
function contains(place: string, address: Address): boolean {
  if (!place.includes('/')) return parse(place)?.toString() === address.toString();
  const [network, bits] = ipaddr.parseCIDR(place);
  return network.kind() === address.kind() && address.match(network, bits);
}
