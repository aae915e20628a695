import { isIP } from 'node:net';
import type { WebhooksConfig } from '../config/config.ts';
import { isAddressAllowed, isAddressNamed } from '../core/addresses.ts';

const MOST_CHARACTERS = 2_000;

/** First port that any program may use; lower ports, except those of the web, speak other protocols. */
const FIRST_FREE_PORT = 1_024;

/**
 * Returns the problem with the address of a webhook, as the end of a sentence that begins with its field; null: none
 * can be seen without resolving the host. The resolved addresses are checked at each connection.
 */
export function findUrlProblem(value: string, config: WebhooksConfig): string | null {
  if (value.length > MOST_CHARACTERS) return `must have at most ${MOST_CHARACTERS} characters`;
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'must be an https URL';
  if (url.protocol === 'http:' && !config.allowHttp) {
    return 'must be an https URL; http is refused unless the configuration has webhooks.allowHttp';
  }
  if (url.username !== '' || url.password !== '') return 'must not contain a user or password';
  const host = toHost(url);
  if (isHostNamed(host, config) || isAddressNamed(host, config)) return null;
  if (url.port !== '' && url.port !== '80' && url.port !== '443' && Number(url.port) < FIRST_FREE_PORT) {
    return `must not name a port below ${FIRST_FREE_PORT} except 443 and 80`;
  }
  const address = /(^|\.)localhost$/.test(host) ? '127.0.0.1' : host;
  if (isIP(address) === 0 || isAddressAllowed(address, config)) return null;
  return 'must not lead to a private network or to this machine';
}

/** Returns the host of a URL in plain notation: no brackets, no dot at its end. `URL` has completed `127.1`. */
export function toHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** Returns whether the configuration names the host itself: then its addresses do not matter. */
export function isHostNamed(host: string, { allow }: WebhooksConfig): boolean {
  return allow.includes(host);
}
