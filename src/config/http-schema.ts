import { z } from 'zod';

/** How the HTTP API is served. */
export const httpSchema = z.strictObject({
  /**
   * Web pages that may call the API from a browser, each by its origin, such as `https://app.example.com`, or `*` for
   * any: what a page may then see is what its token may. Defaults to none.
   */
  corsOrigins: z
    .array(z.string('must be an origin').refine(isOrigin, 'must be an origin, such as https://app.example.com, or *'))
    .optional(),
});

/** As browsers send it: without a path, in lower case, without the port that its scheme has anyway. */
function isOrigin(value: string): boolean {
  return value === '*' || (/^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value);
}
