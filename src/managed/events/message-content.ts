import { z } from 'zod';
import type { Viewer } from '../../run/viewer.ts';
import type { AttachedFile, PromptPart } from '../../core/prompt-parts.ts';
import type { Database } from '../../db/database.ts';
import { IMAGE_TYPES, kindOf, MAX_FILE_BYTES, MAX_FILES, refuseFile } from '../../core/file-type.ts';
import { findFiles, storeFiles, toPart, type FileOwners, type NewFile } from '../../run/attachments/files.ts';
import { invalid, notSupported } from '../error.ts';
import { fromWireId } from '../ids.ts';

const words = () => z.string('must be a text');

const fileSource = z.strictObject({ type: z.literal('file'), file_id: words() });

const base64Source = z.strictObject({
  type: z.literal('base64'),
  media_type: words(),
  data: z.base64('must be base64'),
});

const textSource = z.strictObject({
  type: z.literal('text'),
  media_type: z.literal('text/plain', 'must be "text/plain"'),
  data: words(),
});

const block = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('text'), text: words().min(1, 'must not be empty') }),
    z.strictObject({
      type: z.literal('image'),
      source: z.discriminatedUnion('type', [base64Source, fileSource], 'must have the type "base64" or "file"'),
    }),
    z.strictObject({
      type: z.literal('document'),
      source: z.discriminatedUnion(
        'type',
        [base64Source, textSource, fileSource],
        'must have the type "base64", "text" or "file"',
      ),
      title: words().nullish(),
      context: words().nullish(),
    }),
  ],
  'must be a block with the type "text", "image" or "document"',
);

/** The content of a message as a client sends it. */
export const contentSchema = z.array(block, 'must be a list of blocks').min(1, 'must have a block');

type Block = z.output<typeof block>;
type FileBlock = Exclude<Block, { type: 'text' }>;

/** Refuses the parts of a message that Longhaul cannot pass on: addresses, and blocks that the schema does not have. */
export function refuseMessageBlock(given: unknown, path: string): void {
  const { type, source } = (given ?? {}) as { readonly type?: unknown; readonly source?: { readonly type?: unknown } };
  if (type === 'search_result' || type === 'redacted') throw notSupported(path, `A block of the type \`${type}\``);
  if (source?.type === 'url') throw notSupported(`${path}.source.type`, 'The source `url` of a block');
}

interface StoreOptions {
  readonly viewer: Viewer;
  /** The owners of the session, and so of the files that the message contains. */
  readonly owners: FileOwners;
  /** The place of the content in the request, for messages. */
  readonly path: string;
}

/**
 * Stores the files in a message. Returns its parts; null for one text.
 * @throws {ManagedError} naming the first block whose file is not there, or that no agent can read.
 */
export async function storeContent(
  database: Pick<Database, 'sql'>,
  content: readonly Block[],
  { viewer, owners, path }: StoreOptions,
): Promise<PromptPart[] | null> {
  if (content.length === 1 && content[0]!.type === 'text') return null;
  const blocks = content.filter((one) => one.type !== 'text');
  if (blocks.length > MAX_FILES) throw invalid(`${path}: must have at most ${MAX_FILES} images and documents`);
  const ids = blocks.flatMap(({ source }) =>
    source.type === 'file' ? (fromWireId('file', source.file_id) ?? []) : [],
  );
  const stored = await findFiles(database, { ids, viewer });
  const files = content.map((one, index) => {
    if (one.type === 'text') return null;
    const at = `${path}[${index}].source`;
    const file = one.source.type === 'file' ? findFile(one.source.file_id, stored, at) : readFile(one, at);
    const kind = 'fileId' in file ? file.type : one.type;
    if (kind !== one.type) throw invalid(`${at}: is not ${one.type === 'image' ? 'an image' : 'a document'}`);
    return file;
  });
  const bytes = files.reduce((sum, file) => sum + sizeOf(file), 0);
  if (bytes > MAX_FILE_BYTES)
    throw invalid(`${path}: must have at most ${MAX_FILE_BYTES} bytes of images and documents`);
  const parts: PromptPart[] = [];
  for (const [index, one] of content.entries()) {
    const file = files[index];
    if (one.type === 'text') parts.push(one);
    else if (file !== null && file !== undefined)
      parts.push({ ...(await store(database, file, owners)), ...extrasOf(one) });
  }
  return parts;
}

function findFile(wireId: string, stored: Awaited<ReturnType<typeof findFiles>>, at: string): AttachedFile {
  const file = stored.get(fromWireId('file', wireId) ?? '');
  if (file === undefined) throw invalid(`${at}.file_id: there is no file ${wireId}`);
  return toPart(file);
}

function readFile({ type, source }: FileBlock, at: string): NewFile {
  if (source.type === 'file') throw new Error('A stored file has no content to read.');
  const { media_type: mediaType, data } = source;
  // In base64 a document is a PDF; a text has another source.
  const isExpected = type === 'image' ? kindOf(mediaType) === 'image' : mediaType === expectedOf(source);
  if (!isExpected) {
    const expected = type === 'image' ? `one of ${IMAGE_TYPES.join(', ')}` : `"${expectedOf(source)}"`;
    throw invalid(`${at}.media_type: must be ${expected}`);
  }
  const file = { name: null, mediaType, content: Buffer.from(data, source.type === 'text' ? 'utf8' : 'base64') };
  const refusal = refuseFile(file);
  if (refusal !== null) throw invalid(`${at}.data: ${refusal}`);
  return file;
}

function expectedOf({ type }: FileBlock['source']): string {
  return type === 'text' ? 'text/plain' : 'application/pdf';
}

async function store(
  database: Pick<Database, 'sql'>,
  file: AttachedFile | NewFile,
  owners: FileOwners,
): Promise<AttachedFile> {
  if ('fileId' in file) return file;
  const [stored] = await storeFiles(database, [file], { ...owners, isListed: false });
  return toPart(stored!);
}

function extrasOf(one: FileBlock): Pick<AttachedFile, 'title' | 'context'> {
  if (one.type !== 'document') return {};
  const { title, context } = one;
  return { ...(title != null && { title }), ...(context != null && { context }) };
}

function sizeOf(file: AttachedFile | NewFile | null): number {
  if (file === null) return 0;
  return 'bytes' in file ? file.bytes : file.content.length;
}
