import { z } from 'zod';
import { oidcSchema } from './oidc-schema.ts';
import { positive } from './option-values.ts';

/** The [dashboard](dashboard.md), which the server serves beside the API; `false` serves none. Defaults to one at `/`. */
export const dashboardSchema = z.union(
  [
    z.literal(false),
    z.strictObject({
      /** Path of the pages below the address of the server. Defaults to `/`. */
      path: z
        .string('must be a path')
        .regex(/^\/(?:[\w.~-]+(?:\/[\w.~-]+)*)?$/, 'must be a path such as "/dashboard", without a slash at its end')
        .refine((value) => !isTaken(value), 'must not be below /v1, /docs, /openapi.json, /livez, /readyz or /metrics')
        .default('/'),
      /** Maximum time that a browser stays signed in. Revoking its API key signs it out earlier. Defaults to 168, a week. */
      signedInHours: positive().max(8_760, 'must be at most 8760').default(168),
      /** Sign-in of people at an [OpenID Connect](dashboard.md#openid-connect) provider. Defaults to none. */
      oidc: oidcSchema.optional(),
    }),
  ],
  'must be false, or { path, signedInHours, oidc }',
);

/** Returns whether the API uses the path. */
function isTaken(path: string): boolean {
  return /^\/(v1|docs|openapi\.json|livez|readyz|metrics)(\/|$)/.test(path);
}
