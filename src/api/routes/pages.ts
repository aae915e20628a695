import { z } from '@hono/zod-openapi';
import { id, wholeNumber } from '../input-fields.ts';
import { json } from './answers.ts';

/** The query parameter for the size of a page. */
export const limit = wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 });

/** The query parameters of a list whose cursor is the id of its last item. */
export const pageQuery = { cursor: id('must be the nextCursor of an earlier page').optional(), limit };

/** Describes a response with a page of such a list. */
export function pageOf<T extends z.ZodType>(item: T, description: string) {
  return json(z.object({ data: z.array(item), nextCursor: z.uuid().nullable() }), description);
}

/** Returns the cursor of the next page; null when this page is the last. */
export function toNextCursor(items: readonly { readonly id: string }[], hasMore: boolean): string | null {
  return hasMore ? (items.at(-1)?.id ?? null) : null;
}
