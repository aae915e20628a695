import { z } from '@hono/zod-openapi';
import { mayRead, toOwners, toTenant, toViewer, type Caller } from '../../access/caller.ts';
import { LonghaulError } from '../../core/errors.ts';
import {
  deleteFile as remove,
  findFiles,
  listFiles as readFiles,
  readFileContent,
  type StoredFile,
} from '../../run/attachments/files.ts';
import { uploadFile as upload } from '../../run/accept/upload-file.ts';
import { fileSchema, newFileSchema, type FileResource } from '../contract.ts';
import { MAX_BODY_BYTES } from '../declaration.ts';
import { fieldError } from '../problem.ts';
import { decodeFile } from '../read-attachments.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';
import { pageOf, pageQuery, toNextCursor } from './pages.ts';
import { idParams, jsonBody } from './requests.ts';

const fileParams = idParams('a file');

export const uploadFile = route(
  {
    method: 'post',
    path: '/v1/files',
    operationId: 'uploadFile',
    tag: 'Files',
    access: 'runs:write',
    maxBodyBytes: 16 * MAX_BODY_BYTES,
    summary: 'Upload a file',
    description:
      'Stores an image, a PDF or a text of at most 10 MiB, to attach it to runs by its id. Counts as a submission against the rate limits.',
    request: { body: jsonBody(newFileSchema) },
    responses: { 201: json(fileSchema, 'The file.', ['Location']), ...problems(400, 401, 403, 413, 415, 429) },
  },
  async (context, { config, database }) => {
    const caller = context.get('caller');
    const body = context.req.valid('json');
    const { user = null, team = null } = toOwners(caller, body);
    const file = decodeFile(body);
    if (typeof file === 'string') throw fieldError('data', file);
    const owners = { user, team, tenant: user === null ? null : toTenant(caller) };
    const { limits } = config;
    const stored = await upload(database, { file, owners, keyId: caller.keyId, limits });
    return context.json(toResource(stored, caller), 201, { location: `/v1/files/${stored.id}` });
  },
);

export const listFiles = route(
  {
    method: 'get',
    path: '/v1/files',
    operationId: 'listFiles',
    tag: 'Files',
    access: 'runs:read',
    summary: 'List uploaded files, newest first',
    request: { query: z.strictObject(pageQuery) },
    responses: { 200: pageOf(fileSchema, 'A page of files.'), ...problems(400, 401, 403) },
  },
  async (context, { database }) => {
    const { cursor = null, limit } = context.req.valid('query');
    const caller = context.get('caller');
    const { files, hasMore } = await readFiles(database, {
      viewer: toViewer(caller),
      before: cursor,
      limit,
    });
    return context.json(
      { data: files.map((file) => toResource(file, caller)), nextCursor: toNextCursor(files, hasMore) },
      200,
    );
  },
);

export const getFile = route(
  {
    method: 'get',
    path: '/v1/files/{id}',
    operationId: 'getFile',
    tag: 'Files',
    access: 'runs:read',
    summary: 'Read the properties of a file',
    description: 'Finds uploaded files, and the attachments of the runs that the key or token may see.',
    request: { params: fileParams },
    responses: { 200: json(fileSchema, 'The file.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const caller = context.get('caller');
    const file = (await findFiles(database, { ids: [id], viewer: toViewer(caller) })).get(id);
    if (file === undefined) throw fileNotFound(id);
    return context.json(toResource(file, caller), 200);
  },
);

export const getFileContent = route(
  {
    method: 'get',
    path: '/v1/files/{id}/content',
    operationId: 'getFileContent',
    tag: 'Files',
    access: 'runs:read',
    summary: 'Download a file',
    request: { params: fileParams },
    responses: {
      200: {
        description: 'The content.',
        content: {
          'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }), example: 'Hello!' },
        },
      },
      ...problems(400, 401, 403, 404),
    },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const content = await readFileContent(database, { id, viewer: toViewer(context.get('caller')) });
    if (content === null) throw fileNotFound(id);
    // Never shown by a browser: it may be a page with scripts.
    return new Response(new Uint8Array(content), {
      headers: { 'content-type': 'application/octet-stream', 'content-disposition': 'attachment' },
    });
  },
);

export const removeFile = route(
  {
    method: 'delete',
    path: '/v1/files/{id}',
    operationId: 'removeFile',
    tag: 'Files',
    access: 'runs:write',
    summary: 'Delete an uploaded file',
    description: 'Runs that contain it keep it.',
    request: { params: fileParams },
    responses: { 200: json(fileSchema, 'The deleted file.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const caller = context.get('caller');
    const removed = await remove(database, { id, viewer: toViewer(caller) });
    if (removed === null) throw fileNotFound(id);
    return context.json(toResource(removed, caller), 200);
  },
);

/** A caller that may not read runs sees no more of a file than its kind. */
function toResource({ createdAt, name, ...file }: StoredFile, caller: Caller): FileResource {
  return { ...file, name: mayRead(caller) ? name : null, createdAt: createdAt.toISOString() };
}

function fileNotFound(id: string): LonghaulError {
  return new LonghaulError('not_found', { message: `There is no file ${id}.` });
}
