import { open, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { AuditEntryResource, AuditPage, AuditVerificationResource } from '../client/client.ts';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { parseCount } from './arguments.ts';
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.ts';
import { formatAge } from './durations.ts';
import { printList, printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';
import { toTerminalJson, toTerminalText } from './terminal-text.ts';

interface AuditOptions extends PrintOptions {
  readonly action?: string;
  readonly subject?: string;
  readonly actor?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
}

interface ExportOptions extends ConnectionOptions {
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
}

/** Adds `longhaul audit`, `longhaul audit verify` and `longhaul audit export`. */
export function addAuditCommand(program: Command, shell: Shell): void {
  const audit = program
    .command('audit')
    .summary('list, verify or export the audit record')
    .description('List the newest entries of the audit record: who did what, and when.')
    .option('--action <action>', 'only entries of this action, such as queue.paused')
    .option('--subject <subject>', "only entries about this subject, such as a run's id")
    .option('--actor <actor>', 'only entries of this actor, such as worker:ID')
    .option('--from <time>', 'only entries at or after this time, ISO 8601', parseTime)
    .option('--to <time>', 'only entries before this time, ISO 8601', parseTime)
    .option('--limit <count>', 'maximum number of entries, 1 to 200', parseCount(1, 200), 20)
    .option('--json', 'print { data, nextCursor } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul audit --action queue.paused');
  addConnectionOptions(audit).action(async ({ url, json, ...query }: AuditOptions) => {
    const client = await connect(shell, url === undefined ? {} : { url });
    const page = await client.audit(query);
    printList(shell, page, { json, columns: COLUMNS, none: 'No entries.' });
  });

  const verify = audit
    .command('verify')
    .summary('check the record for tampering')
    .description(
      'Verify the chain of entries. Prints each entry that was changed, is missing or was moved, and exits with 1 if there is any.',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul audit verify');
  addConnectionOptions(verify).action(async (_own: unknown, command: Command) => {
    const { json, ...connection } = command.optsWithGlobals<AuditOptions>();
    const found = await (await connect(shell, connection)).verifyAudit();
    if (!found.isIntact) shell.exitCode = 1;
    printOne(shell, found, { json, describe: (result) => describeVerification(result).map(toTerminalText) });
  });

  const exported = audit
    .command('export')
    .summary('export the record as JSON lines')
    .description('Export every chained entry, oldest first, one line of JSON each, to store elsewhere or to search.')
    .option('--from <time>', 'only entries at or after this time, ISO 8601', parseTime)
    .option('--to <time>', 'only entries before this time, ISO 8601', parseTime)
    .option('--out <file>', 'write to this file, which must not exist yet (default: standard output)')
    .addHelpText('after', '\nExample:\n  $ longhaul audit export --from 2026-01-01T00:00:00Z --out audit.jsonl');
  addConnectionOptions(exported).action(async (_own: unknown, command: Command) => {
    await exportEntries(shell, command.optsWithGlobals<ExportOptions>());
  });
}

const COLUMNS: readonly Column<AuditEntryResource>[] = [
  { title: 'SEQ', align: 'right', value: ({ seq }) => (seq === null ? '' : String(seq)) },
  { title: 'AGE', align: 'right', value: ({ at }) => formatAge(at) },
  { title: 'ACTION', value: ({ action }) => action },
  { title: 'SUBJECT', value: ({ subject }) => subject },
  { title: 'ACTOR', value: ({ actor }) => actor },
  { title: 'DATA', value: ({ data }) => JSON.stringify(data) },
];

function describeVerification(found: AuditVerificationResource): string[] {
  const { isIntact, entries, firstSeq, lastSeq, lastHash, sealedUntil, unchained, problems, problemCount } = found;
  const range = firstSeq === null ? '' : ` (${firstSeq} to ${lastSeq})`;
  const sealed = sealedUntil === null ? 'no day is sealed yet' : `days are sealed up to ${sealedUntil}`;
  const waiting = unchained === 0 ? '' : `; ${unchained} more are not chained yet`;
  const checked = `Checked ${entries} entries${range}; ${sealed}${waiting}.`;
  if (isIntact) return [checked, ...(lastHash === null ? [] : [`Last hash: ${lastHash}`]), 'The chain is intact.'];
  const more = problemCount - problems.length;
  return [
    checked,
    ...problems.map(({ seq, what }) => `✗ ${seq}: ${what}`),
    ...(more === 0 ? [] : [`… and ${more} more.`]),
    `The chain is broken: ${problemCount} ${problemCount === 1 ? 'problem' : 'problems'}.`,
  ];
}

async function exportEntries(shell: Shell, { from, to, out, ...connection }: ExportOptions): Promise<void> {
  const client = await connect(shell, connection);
  const target = out === undefined ? null : path.resolve(shell.cwd, out);
  const file = target === null ? null : await openNew(target);
  try {
    let count = 0;
    for (let cursor: number | undefined | null; cursor !== null && !shell.readerGone.aborted;) {
      const page: AuditPage = await client.audit({ order: 'chain', limit: 200, from, to, cursor });
      const lines = page.data.map((entry) => `${toTerminalJson(entry)}\n`).join('');
      if (file === null) shell.stdout.write(lines);
      else await file.write(lines);
      count += page.data.length;
      cursor = page.nextCursor;
    }
    if (target !== null) shell.stderr.line(toTerminalText(`Wrote ${count} entries to ${target}.`));
  } catch (error) {
    // A partial export could be mistaken for a complete one.
    if (target !== null) await rm(target, { force: true });
    throw error;
  } finally {
    await file?.close();
  }
}

/** Opens a new file that only this user can read, because it contains prompts. */
async function openNew(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx', 0o600);
  } catch (cause) {
    throw new LonghaulError('usage', {
      message: `${file} cannot be written (${toMessage(cause)}). Name a file that does not exist yet.`,
      cause,
    });
  }
}

function parseTime(value: string): string {
  const at = /^\d{4}-\d\d-\d\d/.test(value) ? new Date(value) : new Date(Number.NaN);
  if (Number.isNaN(at.getTime())) {
    throw new InvalidArgumentError('It must be an ISO 8601 time, such as 2026-01-31 or 2026-01-31T09:00:00Z.');
  }
  return at.toISOString();
}
