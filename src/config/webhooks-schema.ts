import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** Which addresses webhooks may have. They are named by whoever has a key: by default only what is public is posted to. */
export const webhooksSchema = z.strictObject({
  /** Whether an address may begin with `http:`, which sends in the clear. Defaults to false. */
  allowHttp: z.boolean('must be true or false').optional(),
  /**
   * Whether addresses of private networks and of this machine are posted to: for development, and where every key is
   * trusted. Those that are link-local, as where clouds keep their credentials, are not even then. Defaults to false.
   */
  allowPrivateAddresses: z.boolean('must be true or false').optional(),
  /**
   * Hosts, addresses and networks that are posted to whatever they are and on any port, such as `hooks.internal`,
   * `10.1.2.3` or `10.1.0.0/16`. Defaults to none.
   */
  allow: z
    .array(
      z
        .string('must be a host, an address or a network')
        .refine(isPlace, 'must be a host such as "hooks.internal", an address, or a network such as "10.1.0.0/16"'),
      'must be a list of hosts, addresses and networks',
    )
    .max(1_000, 'must have at most 1000 entries')
    .optional(),
});

function isPlace(value: string): boolean {
  if (value.includes('/')) return ipaddr.isValidCIDR(value);
  return isIP(value) !== 0 || /^(?=.{1,253}$)(?!.*\.\d+$)[a-z\d_-]{1,63}(\.[a-z\d_-]{1,63})*$/i.test(value);
}
