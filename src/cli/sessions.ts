import type { Command } from 'commander';
import type { SessionMessageResource, SessionResource, SessionSummaryResource } from '../client/client.ts';
import { parseCount, parseSessionId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatAge } from './durations.ts';
import { printList, printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';
import { toTerminalLine, toTerminalText } from './terminal-text.ts';

interface SessionsOptions extends PrintOptions {
  readonly agent?: string;
  readonly user?: string;
  readonly limit: number;
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
        return printOne(shell, session, { json, describe: describeSession, note: noteMore });
      }
      const page = await client.sessions({ ...filter, limit });
      return printList(shell, page, { json, columns: COLUMNS, none: 'No sessions.' });
    },
  );
}

function describeSession({ agent, user, messages }: SessionResource): string[] {
  return [
    toTerminalLine(user === null ? agent : `${agent}, for ${user}`),
    ...messages.data.flatMap(describe).map(toTerminalText),
  ];
}

function noteMore({ messages }: SessionResource): string | null {
  if (messages.nextCursor === null) return null;
  return `Only the first ${messages.data.length} messages are shown; show more with --limit.`;
}

function describe({ role, content }: SessionMessageResource): string[] {
  const who = role === 'user' ? '> ' : '';
  return content.flatMap((part) => {
    if (part.type === 'text') return [`${who}${part.text}`];
    return part.type === 'tool_use' ? [`· ${part.name} ${JSON.stringify(part.input)}`] : [];
  });
}

const COLUMNS: readonly Column<SessionSummaryResource>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'AGENT', value: ({ agent }) => agent },
  { title: 'USER', value: ({ user }) => user ?? '' },
  { title: 'STARTED', align: 'right', value: ({ createdAt }) => formatAge(createdAt) },
  { title: 'LAST', align: 'right', value: ({ updatedAt }) => formatAge(updatedAt) },
];
