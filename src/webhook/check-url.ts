import { isIP } from 'node:net';
import type { WebhooksConfig } from '../config/config.ts';
import { isAddressAllowed, isAddressNamed } from './address.ts';

const MOST_CHARACTERS = 2_000;

/** From here on ports are anybody's; those below, but for the web's own, speak other protocols. */
const FIRST_FREE_PORT = 1_024;

/**
 * What is wrong with an address as a webhook's, as words that follow its field's name; null: nothing, as far as can be
 * seen without asking for its host. What that is resolved to is judged with each connection.
 */
export function findUrlProblem(value: string, config: WebhooksConfig): string | null {
  if (value.length > MOST_CHARACTERS) return `must have at most ${MOST_CHARACTERS} characters`;
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'must be an https URL';
  if (url.protocol === 'http:' && !config.allowHttp) {
    return 'must be an https URL; http is refused unless the configuration has webhooks.allowHttp';
  }
  if (url.username !== '' || url.password !== '') return 'must not carry a user or password';
  const host = toHost(url);
  if (isHostNamed(host, config) || isAddressNamed(host, config)) return null;
  if (url.port !== '' && url.port !== '80' && url.port !== '443' && Number(url.port) < FIRST_FREE_PORT) {
    return `must name no port below ${FIRST_FREE_PORT} but 443 and 80`;
  }
  const address = /(^|\.)localhost$/.test(host) ? '127.0.0.1' : host;
  if (isIP(address) === 0 || isAddressAllowed(address, config)) return null;
  return 'must not lead to a private network or to this machine';
}

/** The host of a URL as names and addresses are written: no brackets, no dot at its end. `URL` has made `127.1` whole. */
export function toHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** Whether the configuration names a host itself: then it does not matter where it leads. */
export function isHostNamed(host: string, { allow }: WebhooksConfig): boolean {
  return allow.includes(host);
}
