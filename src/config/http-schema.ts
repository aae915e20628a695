import { z } from 'zod';
import { seconds } from './option-values.ts';

/** How the HTTP API is served. */
export const httpSchema = z.strictObject({
  /**
   * Web pages that may call the API from a browser, each by its origin, such as `https://app.example.com`, or `*` for
   * any: what a page may then see is what its token may. Defaults to none.
   */
  corsOrigins: z
    .array(z.string('must be an origin').refine(isOrigin, 'must be an origin, such as https://app.example.com, or *'))
    .optional(),
  /**
   * How long a server that is told to stop goes on taking requests, while `/readyz` says `503`: load balancers learn of it
   * first. A second signal, or Ctrl-C in a terminal, does not wait. Defaults to 5 on a PostgreSQL, else 0.
   */
  shutdownDelaySeconds: seconds().optional(),
});

/** As browsers send it: without a path, in lower case, without the port that its scheme has anyway. */
function isOrigin(value: string): boolean {
  return value === '*' || (/^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value);
}
