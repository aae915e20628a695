import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Submission } from '../api/contract.ts';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { guessType } from '../core/file-type.ts';

type NewAttachment = NonNullable<Submission['attachments']>[number];

/**
 * Reads a file to attach to a run. Its content, else its name, says what it is.
 * @throws {LonghaulError} `usage` when it cannot be read.
 */
export async function readAttachment(file: string): Promise<NewAttachment> {
  const name = path.basename(file);
  try {
    const content = await readFile(file);
    return { name, mediaType: guessType(name, content), data: content.toString('base64') };
  } catch (cause) {
    throw new LonghaulError('usage', { message: `${file} cannot be attached: ${toMessage(cause)}`, cause });
  }
}
