import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/**
 * Addresses that webhooks may have. Every holder of a key can name addresses, so by default Longhaul posts only to
 * public ones.
 */
export const webhooksSchema = z.strictObject({
  /** Set to true to permit `http:` addresses, which are not encrypted. Defaults to false. */
  allowHttp: z.boolean('must be true or false').default(false),
  /**
   * Set to true to permit addresses of private networks and of this machine: for development, and for deployments where
   * every key is trusted. Link-local addresses, where clouds serve their credentials, stay blocked. Defaults to false.
   */
  allowPrivateAddresses: z.boolean('must be true or false').default(false),
  /**
   * Hosts, addresses and networks that are always permitted, on any port, such as `hooks.internal`, `10.1.2.3` or
   * `10.1.0.0/16`. Defaults to none.
   */
  allow: z
    .array(
      z
        .string('must be a host, an address or a network')
        .refine(isPlace, 'must be a host such as "hooks.internal", an address, or a network such as "10.1.0.0/16"'),
      'must be a list of hosts, addresses and networks',
    )
    .max(1_000, 'must have at most 1000 entries')
    .transform((places) => places.map((place) => place.toLowerCase()))
    .default([]),
});

function isPlace(value: string): boolean {
  if (value.includes('/')) return ipaddr.isValidCIDR(value);
  return isIP(value) !== 0 || /^(?=.{1,253}$)(?!.*\.\d+$)[a-z\d_-]{1,63}(\.[a-z\d_-]{1,63})*$/i.test(value);
}
