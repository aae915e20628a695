import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { WebhooksConfig } from '../config/config.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Networks of one's own. What else is not public (link-local, multicast, reserved, tunnels) has to be named to be allowed. */
const PRIVATE = new Set(['private', 'uniqueLocal', 'loopback', 'carrierGradeNat']);

/** All addresses of IPv6 that were ever given out. */
const GIVEN_OUT = ipaddr.IPv6.parseCIDR('2000::/3');

/** Whether webhooks may be posted to an IP address. What is no address is refused. */
export function isAddressAllowed(address: string, config: WebhooksConfig): boolean {
  const parsed = parse(address);
  if (parsed === null) return false;
  if (isAddressNamed(address, config) || isPublic(parsed)) return true;
  return config.allowPrivateAddresses && PRIVATE.has(parsed.range());
}

/** Whether the configuration names an IP address, or a network that it is in. */
export function isAddressNamed(address: string, { allow }: WebhooksConfig): boolean {
  const parsed = parse(address);
  return parsed !== null && allow.some((place) => contains(place, parsed));
}

/** An address as it is written by the system, and not one of those forms of which only some take it for one. */
function parse(address: string): Address | null {
  // A zone, as in `fe80::1%eth0`, is only of what is link-local.
  if (isIP(address) === 0 || address.includes('%')) return null;
  // Takes `::ffff:10.0.0.1` for what it stands for.
  return ipaddr.process(address);
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(GIVEN_OUT);
}

/** A host has no address in it: it is not asked for here. */
function contains(place: string, address: Address): boolean {
  if (!place.includes('/')) return parse(place)?.toString() === address.toString();
  const [network, bits] = ipaddr.parseCIDR(place);
  return network.kind() === address.kind() && address.match(network, bits);
}
