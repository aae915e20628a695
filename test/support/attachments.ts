/** A picture of one pixel, in base64. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** A document of one page, in base64. */
export const PDF = Buffer.from(
  [
    '%PDF-1.4',
    '1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj',
    '2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj',
    '3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>> endobj',
    'trailer <</Root 1 0 R>>',
    '%%EOF',
  ].join('\n'),
).toString('base64');

export interface SeenBlock {
  readonly type: string;
  readonly text?: string;
  readonly title?: string;
  readonly context?: string;
  readonly source?: { readonly type: string; readonly media_type: string; readonly data: string };
}

/** Claude Code's own additions. After an image it names its own copy of it, and ends the text before that with a new line. */
const ADDED = ['<system-reminder>', '<total_tokens>', '[Image: source: '];

/** Returns the parts of a request's messages that a model reads beside Claude Code's own additions. */
export function blocksIn(body: Readonly<Record<string, unknown>>): SeenBlock[] {
  const messages = body['messages'] as { readonly role: string; readonly content: string | SeenBlock[] }[];
  return messages
    .filter(({ role }) => role === 'user')
    .flatMap(({ content }) => (typeof content === 'string' ? [{ type: 'text', text: content }] : content))
    .filter(({ text = '' }) => !ADDED.some((start) => text.startsWith(start)))
    .map((block) => (block.text === undefined ? block : { ...block, text: block.text.trimEnd() }));
}
