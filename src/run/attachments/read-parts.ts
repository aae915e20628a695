import type { ContentPart, PromptPart } from '../../core/prompt-parts.ts';
import type { Database } from '../../db/database.ts';

/** Reads the content of a prompt's files. */
export async function readParts(database: Pick<Database, 'sql'>, parts: readonly PromptPart[]): Promise<ContentPart[]> {
  const ids = parts.flatMap((part) => (part.type === 'text' ? [] : [part.fileId]));
  const rows =
    ids.length === 0
      ? []
      : await database.sql.selectFrom('longhaul.files').select(['id', 'content']).where('id', 'in', ids).execute();
  const contents = new Map(rows.map(({ id, content }) => [id, content]));
  return parts.map((part) => {
    if (part.type === 'text') return part;
    const { type, fileId, mediaType, name, title = name, context = null } = part;
    const content = contents.get(fileId);
    if (content === undefined) throw new Error(`File ${fileId} of a prompt is missing.`);
    const isBinary = type === 'image' || mediaType === 'application/pdf';
    return { type, mediaType, data: Buffer.from(content).toString(isBinary ? 'base64' : 'utf8'), title, context };
  });
}
