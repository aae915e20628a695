import { z } from '@hono/zod-openapi';
import { id, owner, text } from '../input-fields.ts';
import { instant } from './output-fields.ts';

const content = {
  name: text().min(1, 'must not be empty').max(255, 'must have at most 255 characters').optional(),
  mediaType: z
    .string('must be a media type')
    .max(255, 'must be a media type')
    .describe('The type of the content, such as `image/png`, `application/pdf` or `text/csv`.'),
  data: z.string('must be a string').describe('The content in base64.'),
};

/** A file to upload. */
export const newFileSchema = z
  .strictObject({ ...content, user: owner().optional(), team: owner().optional() }, 'must be an object')
  .openapi('NewFile', { example: { name: 'hello.txt', mediaType: 'text/plain', data: 'SGVsbG8h' } });

export const fileSchema = z
  .object({
    id: z.uuid(),
    name: z.string().nullable(),
    mediaType: z.string(),
    bytes: z.int().describe('Size in bytes.'),
    createdAt: instant(),
  })
  .openapi('File');

/** An attachment of a submission: a file with its content, or the id of a stored file. */
export const newAttachmentSchema = z
  .union(
    [z.strictObject({ fileId: id('must be the id of a file') }), z.strictObject(content)],
    'must have either `fileId` alone, or `mediaType` and `data`, with an optional `name`',
  )
  .openapi('NewAttachment');

export const attachmentSchema = z
  .object({
    fileId: z.uuid().describe('`GET /v1/files/{id}/content` returns its content.'),
    name: z.string().nullable(),
    mediaType: z.string(),
    bytes: z.int().describe('Size in bytes.'),
  })
  .openapi('Attachment');

/** A part of a message with attachments. */
export const promptPartSchema = z
  .union([
    z.object({ type: z.literal('text'), text: z.string() }),
    z.object({
      type: z.enum(['image', 'document']),
      ...attachmentSchema.shape,
      title: z.string().optional(),
      context: z.string().optional(),
    }),
  ])
  .openapi('PromptPart');

export type FileResource = z.input<typeof fileSchema>;
export type NewFile = z.input<typeof newFileSchema>;
