import type { z } from '@hono/zod-openapi';
import { LonghaulError, type FieldError } from '../core/errors.ts';
import type { AttachedFile } from '../core/prompt-parts.ts';
import type { Database } from '../db/database.ts';
import { MAX_FILE_BYTES, refuseFile } from '../core/file-type.ts';
import { findFiles, toPart, type NewFile } from '../run/attachments/files.ts';
import type { Viewer } from '../run/viewer.ts';
import type { newAttachmentSchema } from './contract.ts';

type Given = readonly z.output<typeof newAttachmentSchema>[];

interface ReadOptions {
  /** The attachments of each submission. */
  readonly bodies: readonly { readonly attachments?: Given | undefined }[];
  readonly viewer: Viewer;
}

/** The attachments of a submission: files that are stored already, and files that are stored when it is accepted. */
export type Attachments = readonly (AttachedFile | NewFile)[];

/**
 * Reads the attachments of submissions, with one query for the stored files. Returns a function that returns those of each
 * submission, and throws a `LonghaulError`, `invalid_request`, naming every attachment that no agent can read.
 */
export async function findAttachments(
  database: Database,
  { bodies, viewer }: ReadOptions,
): Promise<(body: ReadOptions['bodies'][number]) => Attachments> {
  const ids = bodies.flatMap(({ attachments = [] }) =>
    attachments.flatMap((one) => ('fileId' in one ? [one.fileId] : [])),
  );
  const stored = await findFiles(database, { ids: [...new Set(ids)], viewer });
  return ({ attachments: given = [] }) => {
    const errors: FieldError[] = [];
    const attachments: (AttachedFile | NewFile)[] = [];
    for (const [index, one] of given.entries()) {
      const path = `attachments[${index}]`;
      if ('fileId' in one) {
        const file = stored.get(one.fileId);
        if (file === undefined) errors.push({ path: `${path}.fileId`, message: 'names no file' });
        else attachments.push(toPart(file));
        continue;
      }
      const file = decodeFile(one);
      if (typeof file === 'string') errors.push({ path, message: file });
      else attachments.push(file);
    }
    const bytes = attachments.reduce((sum, file) => sum + ('bytes' in file ? file.bytes : file.content.length), 0);
    if (bytes > MAX_FILE_BYTES) {
      const message = `must have at most ${MAX_FILE_BYTES} bytes together; received ${bytes}`;
      errors.push({ path: 'attachments', message });
    }
    if (errors.length === 0) return attachments;
    const message = `${errors.map((error) => `${error.path} ${error.message}`).join('; ')}.`;
    throw new LonghaulError('invalid_request', { message, errors });
  };
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Decodes a file of a request. Returns the reason, as the end of a sentence, when no agent can read it. */
export function decodeFile({
  name,
  mediaType,
  data,
}: {
  readonly name?: string | undefined;
  readonly mediaType: string;
  readonly data: string;
}): NewFile | string {
  if (data.length % 4 !== 0 || !BASE64.test(data)) return 'must have its data in base64';
  const file = { name: name ?? null, mediaType, content: Buffer.from(data, 'base64') };
  return refuseFile(file) ?? file;
}
