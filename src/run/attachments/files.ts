import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { createId } from '../../core/ids.ts';
import type { AttachedFile, PromptPart } from '../../core/prompt-parts.ts';
import type { Database, Transaction } from '../../db/database.ts';
import { isSeenBy, type Viewer } from '../viewer.ts';
import { kindOf, withoutParameters } from '../../core/file-type.ts';

/** A file to store, which `refuseFile` has not refused. */
export interface NewFile {
  readonly name: string | null;
  readonly mediaType: string;
  readonly content: Uint8Array;
}

/** The owners of a file, as those of a run. */
export interface FileOwners {
  readonly user: string | null;
  readonly team: string | null;
  readonly tenant: string | null;
}

/** A stored file without its content. */
export interface StoredFile {
  readonly id: string;
  readonly name: string | null;
  readonly mediaType: string;
  readonly bytes: number;
  readonly createdAt: Date;
}

interface StoreOptions extends FileOwners {
  /** True for a file that its owner will name later. False: it is removed when no run contains it any more. */
  readonly isListed: boolean;
}

/**
 * Stores files, before the run or message that contains them. Of a run that is then rejected they are removed an hour later.
 */
export async function storeFiles(
  database: Pick<Database, 'sql'>,
  files: readonly NewFile[],
  { isListed, user, team, tenant }: StoreOptions,
): Promise<StoredFile[]> {
  const stored: StoredFile[] = [];
  // A statement for each: together they may be larger than a message to PostgreSQL should be.
  for (const { name, mediaType, content } of files) {
    const row = await database.sql
      .insertInto('longhaul.files')
      .values({
        id: createId(),
        is_listed: isListed,
        name,
        media_type: withoutParameters(mediaType),
        size: content.length,
        content,
        user_id: user,
        team,
        tenant,
        unused_since: isListed ? null : sql<Date>`now()`,
      })
      .returning(SHOWN)
      .executeTakeFirstOrThrow();
    stored.push(toStoredFile(row));
  }
  return stored;
}

const SHOWN = ['id', 'name', 'media_type', 'size', 'created_at'] as const;

interface FileRow {
  readonly id: string;
  readonly name: string | null;
  readonly media_type: string;
  readonly size: number;
  readonly created_at: Date;
}

function toStoredFile({ id, name, media_type, size, created_at }: FileRow): StoredFile {
  return { id, name, mediaType: media_type, bytes: size, createdAt: created_at };
}

/**
 * Finds files by id that `viewer` may see: its own, and those of runs that it sees. Deleted files are not found, nor files that
 * are about to be removed: a run that names a file found here can keep it.
 */
export async function findFiles(
  database: Pick<Database, 'sql'>,
  { ids, viewer }: { ids: readonly string[]; viewer: Viewer },
): Promise<ReadonlyMap<string, StoredFile>> {
  if (ids.length === 0) return new Map();
  const rows = await database.sql
    .selectFrom('longhaul.files')
    .select(SHOWN)
    .where('id', 'in', [...ids])
    .where('deleted_at', 'is', null)
    .where(sql<SqlBool>`(unused_since is null or unused_since > now() - interval '30 minutes')`)
    .where(isFileSeenBy(viewer))
    .execute();
  return new Map(rows.map((row) => [row.id, toStoredFile(row)]));
}

/** SQL: true when the file is the viewer's, or in a run that it sees. */
function isFileSeenBy(viewer: Viewer): RawBuilder<SqlBool> {
  return sql<SqlBool>`(${isSeenBy(viewer, 'longhaul.files')} or exists (
    select from longhaul.run_files as part join longhaul.runs as run on run.id = part.run_id
     where part.file_id = longhaul.files.id and ${isSeenBy(viewer, 'run')}))`;
}

interface ListOptions {
  readonly viewer: Viewer;
  /** The id of the file to go on behind; null: from the newest. */
  readonly before: string | null;
  readonly limit: number;
}

/** Lists uploaded files, newest first. Reads one more than `limit` to learn whether there are more. */
export async function listFiles(
  database: Pick<Database, 'sql'>,
  { viewer, before, limit }: ListOptions,
): Promise<{ readonly files: readonly StoredFile[]; readonly hasMore: boolean }> {
  const rows = await database.sql
    .selectFrom('longhaul.files')
    .select(SHOWN)
    .where('is_listed', '=', true)
    .where('deleted_at', 'is', null)
    .where(isSeenBy(viewer))
    .$if(before !== null, (query) => query.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return { files: rows.slice(0, limit).map(toStoredFile), hasMore: rows.length > limit };
}

/** Reads the content of a file that `findFiles` finds; null when there is none. */
export async function readFileContent(
  database: Pick<Database, 'sql'>,
  { id, viewer }: { id: string; viewer: Viewer },
): Promise<Uint8Array | null> {
  const row = await database.sql
    .selectFrom('longhaul.files')
    .select('content')
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .where(isFileSeenBy(viewer))
    .executeTakeFirst();
  return row?.content ?? null;
}

/** Deletes an uploaded file, and returns it. Runs that contain it keep it. Returns null when `viewer` has no such file. */
export async function deleteFile(
  database: Pick<Database, 'sql'>,
  { id, viewer }: { id: string; viewer: Viewer },
): Promise<StoredFile | null> {
  const row = await database.sql
    .updateTable('longhaul.files')
    .set({
      deleted_at: sql<Date>`now()`,
      unused_since: sql<Date | null>`case when not exists (
        select from longhaul.run_files where file_id = longhaul.files.id) then now() end`,
    })
    .where('id', '=', id)
    .where('is_listed', '=', true)
    .where('deleted_at', 'is', null)
    .where(isSeenBy(viewer))
    .returning(SHOWN)
    .executeTakeFirst();
  return row === undefined ? null : toStoredFile(row);
}

/** Returns a stored file as a part of a prompt. */
export function toPart({ id, name, mediaType, bytes }: StoredFile): AttachedFile {
  return { type: kindOf(mediaType) ?? 'document', fileId: id, name, mediaType, bytes };
}

/**
 * Stores the attachments of a submission that are not stored yet. Returns the parts of its prompt: its attachments, then its
 * text; null without attachments.
 */
export async function storeAttachments(
  database: Pick<Database, 'sql'>,
  { attachments, prompt, ...owners }: FileOwners & { attachments: readonly (AttachedFile | NewFile)[]; prompt: string },
): Promise<PromptPart[] | null> {
  if (attachments.length === 0) return null;
  const parts: PromptPart[] = [];
  for (const file of attachments) {
    if ('fileId' in file) parts.push(file);
    else parts.push(...(await storeFiles(database, [file], { ...owners, isListed: false })).map(toPart));
  }
  return [...parts, { type: 'text', text: prompt }];
}

/** Notes in `trx` which files runs contain, so that those are kept as long as the runs. */
export async function keepFiles(
  trx: Transaction,
  runs: readonly { readonly runId: string; readonly parts: readonly PromptPart[] | null }[],
): Promise<void> {
  const kept = runs.flatMap(({ runId, parts }) =>
    (parts ?? []).flatMap((part) => (part.type === 'text' ? [] : [{ run_id: runId, file_id: part.fileId }])),
  );
  if (kept.length === 0) return;
  await trx
    .insertInto('longhaul.run_files')
    .values(kept)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const ids = kept.map(({ file_id }) => file_id);
  await trx.updateTable('longhaul.files').set({ unused_since: null }).where('id', 'in', ids).execute();
}

/** Files removed in one statement. */
const REMOVED_AT_ONCE = 100;

/** Removes files that no run has contained for an hour, unless they are listed. `signal` ends it after a statement. */
export async function removeUnusedFiles(database: Database, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
  while (signal?.aborted !== true) {
    const { rows } = await sql`
      delete from longhaul.files where id in (
        select id from longhaul.files as file
         where unused_since < now() - interval '1 hour'
           and not exists (select from longhaul.run_files where file_id = file.id)
         order by unused_since limit ${sql.lit(REMOVED_AT_ONCE)} for update skip locked)
      returning id`.execute(database.sql);
    if (rows.length < REMOVED_AT_ONCE) return;
  }
}
