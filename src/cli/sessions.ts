import type { Command } from 'commander';
import type { SessionMessageResource, SessionResource, SessionSummaryResource } from '../client/client.ts';
import { parseCount, parseSessionId } from './arguments.ts';
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.ts';
import { formatAge } from './durations.ts';
import type { Shell } from './shell.ts';
import { formatTable } from './table.ts';
import { toTerminalJson, toTerminalLine, toTerminalText } from './terminal-text.ts';

interface SessionsOptions extends ConnectionOptions {
  readonly agent?: string;
  readonly user?: string;
  readonly limit: number;
  readonly json?: true;
}

/** Adds `longhaul sessions`. */
export function addSessionsCommand(program: Command, shell: Shell): void {
  const command = program
    .command('sessions')
    .summary('list sessions, or read one')
    .description('List sessions, newest first; with an id show the messages of that session.')
    .argument('[id]', 'the sessionId of a run', parseSessionId)
    .option('--agent <agent>', 'only sessions of this agent')
    .option('--user <user>', 'only sessions for this end user')
    .option('--limit <count>', 'maximum number of sessions, or of messages, 1 to 200', parseCount(1, 200), 20)
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ longhaul run reader "And last week?" --session ID\n  $ longhaul sessions ID',
    );
  addConnectionOptions(command).action(
    async (id: string | undefined, { url, json, limit, ...filter }: SessionsOptions) => {
      const client = await connect(shell, url === undefined ? {} : { url });
      if (id !== undefined) {
        const session = await client.session(id, { limit });
        if (json === true) return shell.stdout.line(toTerminalJson(session));
        return showSession(shell, session);
      }
      const page = await client.sessions({ ...filter, limit });
      if (json === true) return shell.stdout.line(toTerminalJson(page));
      if (page.data.length === 0) return shell.stdout.line('No sessions.');
      for (const line of toTable(page.data, shell.stdout.columns)) shell.stdout.line(line);
      if (page.nextCursor !== null)
        shell.stderr.line(`Only the newest ${page.data.length} are shown; show more with --limit.`);
      return undefined;
    },
  );
}

function showSession(shell: Shell, { agent, user, messages }: SessionResource): void {
  shell.stdout.line(toTerminalLine(user === null ? agent : `${agent}, for ${user}`));
  for (const message of messages.data) {
    for (const line of describe(message)) shell.stdout.line(toTerminalText(line));
  }
  if (messages.nextCursor !== null)
    shell.stderr.line(`Only the first ${messages.data.length} messages are shown; show more with --limit.`);
}

function describe({ role, content }: SessionMessageResource): string[] {
  const who = role === 'user' ? '> ' : '';
  return content.flatMap((part) => {
    if (part.type === 'text') return [`${who}${part.text}`];
    return part.type === 'tool_use' ? [`· ${part.name} ${JSON.stringify(part.input)}`] : [];
  });
}

function toTable(sessions: readonly SessionSummaryResource[], width: number): string[] {
  return formatTable<SessionSummaryResource>({
    columns: [
      { title: 'ID', value: ({ id }) => id },
      { title: 'AGENT', value: ({ agent }) => agent },
      { title: 'USER', value: ({ user }) => user ?? '' },
      { title: 'STARTED', align: 'right', value: ({ createdAt }) => formatAge(createdAt) },
      { title: 'LAST', align: 'right', value: ({ updatedAt }) => formatAge(updatedAt) },
    ],
    rows: sessions,
    width,
  });
}
