import { z } from 'zod';

/** A text, or the name of the variable that contains it. */
export const secret = (text: z.ZodString | z.ZodURL, what: string) =>
  z.union([text, z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) })], `${what}, or { env: "NAME" }`);
