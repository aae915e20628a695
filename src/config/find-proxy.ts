import ipaddr from 'ipaddr.js';
import type { FieldError } from '../core/errors.ts';
import type { Variables } from './resolving-provider.ts';

/**
 * Returns the proxy to use for a URL, from `HTTPS_PROXY` or `HTTP_PROXY` (the names in lower case take precedence).
 * Returns null when no proxy is set, when `NO_PROXY` names the host, and for this machine itself. Adds faults of the
 * variables to `errors`.
 */
export function findProxy({ url, env, errors }: { url: string; env: Variables; errors: FieldError[] }): string | null {
  if (!URL.canParse(url)) return null;
  const target = new URL(url);
  const name = target.protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY';
  const given = env[name.toLowerCase()] ?? env[name];
  if (given === undefined || isLoopback(target.hostname)) return null;
  if (isExcepted(target, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return null;
  const proxy = given.includes('://') ? given : `http://${given}`;
  if (/^https?:\/\//i.test(proxy) && URL.canParse(proxy)) return new URL(proxy).href;
  errors.push({ path: name, message: 'must be an http or https URL, such as http://proxy.internal:3128' });
  return null;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || toAddress(hostname)?.range() === 'loopback';
}

/** Returns whether a list names a host: by its name or a parent domain, an address, a network, or `*`. */
function isExcepted({ hostname, port, protocol }: URL, list: string): boolean {
  const actualPort = port === '' ? (protocol === 'http:' ? '80' : '443') : port;
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      // An IPv6 address stands in brackets before a port, and has more than one colon.
      const [, bracketed, plain = entry, itsPort = actualPort] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
      const name = bracketed ?? plain;
      if (name === '' || itsPort !== actualPort) return false;
      return name === '*' || isInNetwork(hostname, name) || isBelow(hostname, name.replace(/^\*?\./, ''));
    });
}

function isBelow(hostname: string, name: string): boolean {
  return hostname === name || hostname.endsWith(`.${name}`);
}

function isInNetwork(hostname: string, network: string): boolean {
  const address = toAddress(hostname);
  if (address === null) return false;
  const other = toAddress(network);
  if (other !== null) return other.toString() === address.toString();
  if (!ipaddr.isValidCIDR(network)) return false;
  const [start, bits] = ipaddr.parseCIDR(network);
  return start.kind() === address.kind() && address.match(start, bits);
}

function toAddress(hostname: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? ipaddr.process(bare) : null;
}
