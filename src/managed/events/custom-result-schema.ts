import { z } from 'zod';
import { toStorable } from '../../core/text.ts';
import { notSupported } from '../error.ts';

/** A text of a tool's output, which is never rejected for its characters. */
const output = () => z.string('must be a text').transform(toStorable);

const textBlock = z.strictObject({ type: z.literal('text'), text: output() });

/** The first bytes of an image of each type. A model rejects every later request of a conversation with another one. */
const SIGNATURES = {
  'image/png': /^\x89PNG/,
  'image/jpeg': /^\xff\xd8\xff/,
  'image/gif': /^GIF8/,
  'image/webp': /^RIFF.{4}WEBP/s,
} as const;

const MEDIA_TYPES = Object.keys(SIGNATURES) as readonly (keyof typeof SIGNATURES)[];

const imageBlock = z.strictObject({
  type: z.literal('image'),
  source: z
    .strictObject({
      type: z.literal('base64'),
      media_type: z.enum(MEDIA_TYPES, `must be one of ${MEDIA_TYPES.join(', ')}`),
      data: z.base64('must be base64'),
    })
    .refine(
      ({ media_type: type, data }) => SIGNATURES[type].test(Buffer.from(data, 'base64').toString('latin1', 0, 16)),
      {
        path: ['data'],
        message: 'must be an image of the type that media_type says',
      },
    ),
});

const documentBlock = z.strictObject({
  type: z.literal('document'),
  source: z.strictObject({
    type: z.literal('text'),
    media_type: z.literal('text/plain', 'must be "text/plain"'),
    data: output(),
  }),
  title: output().nullish(),
  context: output().nullish(),
});

const searchResultBlock = z.strictObject({
  type: z.literal('search_result'),
  source: output(),
  title: output(),
  content: z.array(textBlock, 'must be a list of text blocks'),
  citations: z.strictObject({ enabled: z.boolean('must be true or false') }).default({ enabled: false }),
});

const block = z.discriminatedUnion(
  'type',
  [textBlock, imageBlock, documentBlock, searchResultBlock],
  'must be a block with the type "text", "image", "document" or "search_result"',
);

/** The result of a tool that the client has run. */
export const customResultSchema = z.strictObject({
  type: z.literal('user.custom_tool_result'),
  custom_tool_use_id: z.string('must be the id of an event'),
  content: z.array(block, 'must be a list of blocks').nullish(),
  is_error: z.boolean('must be true or false').nullish(),
});

/** The source that Longhaul can pass on to a model, by the type of the block. */
const SOURCES: Readonly<Record<string, string>> = { image: 'base64', document: 'text' };

const SOURCE_TYPES: ReadonlySet<unknown> = new Set(['base64', 'text', 'url', 'file']);

/** Refuses a block that names a file or a URL, or has a document that is not text: it cannot be passed on to the model. */
export function refuseSource(block: unknown, path: string): void {
  const { type, source } = (block ?? {}) as { readonly type?: unknown; readonly source?: { readonly type?: unknown } };
  if (typeof type !== 'string' || !Object.hasOwn(SOURCES, type)) return;
  const given = source?.type;
  if (!SOURCE_TYPES.has(given) || given === SOURCES[type]) return;
  throw notSupported(`${path}.source.type`, `The source \`${String(given)}\` of a block of the type \`${type}\``);
}
