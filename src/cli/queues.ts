import type { Command } from 'commander';
import type { QueueResource } from '../client/client.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatAge, formatDuration } from './durations.ts';
import { printList, printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';
import { toTerminalLine } from './terminal-text.ts';

/** Adds `longhaul queues`, `longhaul queues pause` and `longhaul queues resume`. */
export function addQueuesCommand(program: Command, shell: Shell): void {
  const queues = program
    .command('queues')
    .summary('list, pause and resume queues')
    .description('List the queues with their waiting runs.')
    .option('--json', 'print { data } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul queues');
  addConnectionOptions(queues).action(async (options: PrintOptions) => {
    const client = await connect(shell, options);
    const data = await client.queues();
    const isCounted = data.some(({ undelivered }) => undelivered !== null);
    printList(shell, { data }, { json: options.json, columns: isCounted ? [...COLUMNS, UNDELIVERED] : COLUMNS });
  });

  for (const action of ['pause', 'resume'] as const) {
    const turn = queues
      .command(action)
      .summary(action === 'pause' ? 'pause a queue' : 'resume a queue')
      .description(
        action === 'pause'
          ? 'Pause a queue: no further runs start from it. Running runs continue; new runs are accepted and wait. Needs an admin key.'
          : 'Resume a queue: its runs start again, the longest-waiting first. Needs an admin key.',
      )
      .argument('<name>', "the queue's name")
      .option('--json', 'print the queue as JSON')
      .addHelpText('after', `\nExample:\n  $ longhaul queues ${action} reports`);
    addConnectionOptions(turn).action(async (name: string, _own: PrintOptions, command: Command) => {
      // The parser assigns an option that both commands have to the outer one, regardless of its place.
      const options = command.optsWithGlobals<PrintOptions>();
      const client = await connect(shell, options);
      const queue = action === 'pause' ? await client.pauseQueue(name) : await client.resumeQueue(name);
      printOne(shell, queue, { json: options.json, describe: describeQueue });
    });
  }
}

function describeQueue({ name, pausedAt, waiting }: QueueResource): string {
  const state = pausedAt === null ? 'open' : 'paused';
  return `Queue ${toTerminalLine(name)} is ${state}, with ${waiting} waiting.`;
}

const COLUMNS: readonly Column<QueueResource>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'WAITING', align: 'right', value: ({ waiting }) => String(waiting) },
  { title: 'DELAYED', align: 'right', value: ({ delayed }) => String(delayed) },
  { title: 'HELD', align: 'right', value: ({ held }) => String(held) },
  {
    title: 'OLDEST',
    align: 'right',
    value: ({ oldestWaitSeconds }) => (oldestWaitSeconds === null ? '' : formatDuration(oldestWaitSeconds * 1_000)),
  },
  {
    title: 'STATE',
    value: describeState,
  },
];

/** Only where a backend counts its wake-ups. */
const UNDELIVERED: Column<QueueResource> = {
  title: 'WAKE-UPS',
  align: 'right',
  value: ({ undelivered }) => (undelivered === null ? 'away' : String(undelivered)),
};

function describeState({ pausedAt, limitedUntil }: QueueResource): string {
  if (pausedAt !== null) return `paused for ${formatAge(pausedAt)}`;
  return limitedUntil === null ? 'open' : `at the provider's limit until ${limitedUntil}`;
}
