import type { Context } from 'hono';
import { z } from 'zod';
import { toTenant, toViewer } from '../../access/caller.ts';
import { guessType, refuseFile } from '../../core/file-type.ts';
import {
  deleteFile,
  findFiles,
  listFiles,
  readFileContent,
  type NewFile,
  type StoredFile,
} from '../../run/attachments/files.ts';
import { uploadFile } from '../../run/accept/upload-file.ts';
import type { ManagedApi, ManagedDeps, ManagedEnv } from '../deps.ts';
import { invalid, notFound, notSupported } from '../error.ts';
import { fromWireId, toWireId } from '../ids.ts';
import { readAll, readLimit, readPage, toPage } from '../read-request.ts';
import { requireScope } from '../require-scope.ts';

const LIMIT = { usual: 20, most: 1_000 };
const MOST_IDS = 100;

const pageSchema = z.strictObject({ before: z.uuid() });

/** Adds the routes of files, which messages name. */
export function addFileRoutes(api: ManagedApi, { config, database }: ManagedDeps): void {
  const read = requireScope('runs:read');
  const write = requireScope('runs:write');

  api.post('/v1/files', write, async (context) => {
    const file = await readForm(context);
    const caller = context.get('caller');
    const owners = { user: caller.user, team: caller.team, tenant: caller.user === null ? null : toTenant(caller) };
    const stored = await uploadFile(database, { file, owners, keyId: caller.keyId, limits: config.limits });
    return context.json(toWireFile(stored));
  });

  api.get('/v1/files', read, async (context) => {
    const viewer = toViewer(context.get('caller'));
    for (const name of ['scope_id', 'before_id']) if ((context.req.query(name) ?? '') !== '') throw notSupported(name);
    const ids = [...new Set(readAll(context, 'ids'))];
    if (ids.length > MOST_IDS) throw invalid(`ids: must be at most ${MOST_IDS} ids`);
    if (ids.length > 0) {
      const found = await findFiles(database, { ids: ids.flatMap((id) => fromWireId('file', id) ?? []), viewer });
      return context.json(toPageOf([...found.values()], false));
    }
    const { files, hasMore } = await listFiles(database, {
      viewer,
      before: readBefore(context),
      limit: readLimit(context, LIMIT),
    });
    return context.json(toPageOf(files, hasMore));
  });

  api.get('/v1/files/:id', read, async (context) => {
    const id = context.req.param('id');
    const rowId = readId(id);
    const file = (await findFiles(database, { ids: [rowId], viewer: toViewer(context.get('caller')) })).get(rowId);
    if (file === undefined) throw notFound('file', id);
    return context.json(toWireFile(file));
  });

  api.get('/v1/files/:id/content', read, async (context) => {
    const id = context.req.param('id');
    const content = await readFileContent(database, { id: readId(id), viewer: toViewer(context.get('caller')) });
    if (content === null) throw notFound('file', id);
    // Never shown by a browser: it may be a page with scripts.
    return context.body(new Uint8Array(content), 200, {
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
    });
  });

  api.delete('/v1/files/:id', write, async (context) => {
    const id = context.req.param('id');
    const deleted = await deleteFile(database, { id: readId(id), viewer: toViewer(context.get('caller')) });
    if (deleted === null) throw notFound('file', id);
    return context.json({ id, type: 'file_deleted' });
  });
}

/** Reads an upload. A client that streams a file sends no media type: the name and the content say it then. */
async function readForm(context: Context<ManagedEnv>): Promise<NewFile> {
  const form = await context.req.formData().catch(() => null);
  if (form === null) throw invalid('The body must be a form (multipart/form-data) with the field file.');
  const [other] = [...form.keys()].filter((name) => name !== 'file');
  if (other === 'expires_in_seconds') throw notSupported(other);
  if (other !== undefined) throw invalid(`${other}: is not a known field`);
  const file = form.get('file');
  if (file === null || typeof file === 'string') throw invalid('file: must be a file');
  const content = new Uint8Array(await file.arrayBuffer());
  const name = file.name.slice(0, 255);
  const isOpen = file.type === '' || file.type === 'application/octet-stream';
  const read = { name, mediaType: isOpen ? guessType(name, content) : file.type, content };
  const refusal = refuseFile(read);
  if (refusal !== null) throw invalid(`file: ${refusal}`);
  return read;
}

/** Reads the place at which a list goes on: `page`, or `after_id` from clients before 1.0. */
function readBefore(context: Context<ManagedEnv>): string | null {
  const afterId = context.req.query('after_id') ?? '';
  return afterId === '' ? (readPage(context, pageSchema)?.before ?? null) : readId(afterId);
}

function readId(id: string): string {
  const rowId = fromWireId('file', id);
  if (rowId === null) throw notFound('file', id);
  return rowId;
}

function toPageOf(files: readonly StoredFile[], hasMore: boolean) {
  const data = files.map(toWireFile);
  const last = files.at(-1);
  return {
    data,
    next_page: hasMore && last !== undefined ? toPage({ before: last.id }) : null,
    has_more: hasMore,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

function toWireFile({ id, name, mediaType, bytes, createdAt }: StoredFile) {
  return {
    id: toWireId('file', id),
    type: 'file',
    filename: name ?? 'attachment',
    mime_type: mediaType,
    size_bytes: bytes,
    created_at: createdAt.toISOString(),
    downloadable: true,
    expires_at: null,
    scope: null,
  };
}
