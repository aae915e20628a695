import type { Command } from 'commander';
import type { QueueResource } from '../client/client.ts';
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.ts';
import { formatAge, formatDuration } from './durations.ts';
import type { Shell } from './shell.ts';
import { formatTable } from './table.ts';
import { toTerminalJson, toTerminalLine } from './terminal-text.ts';

interface QueuesOptions extends ConnectionOptions {
  readonly json?: true;
}

/** Adds `longhaul queues`, `longhaul queues pause` and `longhaul queues resume`. */
export function addQueuesCommand(program: Command, shell: Shell): void {
  const queues = program
    .command('queues')
    .summary('list, pause and resume queues')
    .description('List the queues with their waiting runs.')
    .option('--json', 'print { data } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul queues');
  addConnectionOptions(queues).action(async (options: QueuesOptions) => {
    const client = await connect(shell, options);
    const data = await client.queues();
    if (options.json === true) return shell.stdout.line(toTerminalJson({ data }));
    for (const line of toTable(data, shell.stdout.columns)) shell.stdout.line(line);
    return undefined;
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
    addConnectionOptions(turn).action(async (name: string, _own: QueuesOptions, command: Command) => {
      // The parser assigns an option that both commands have to the outer one, regardless of its place.
      const options = command.optsWithGlobals<QueuesOptions>();
      const client = await connect(shell, options);
      const queue = action === 'pause' ? await client.pauseQueue(name) : await client.resumeQueue(name);
      if (options.json === true) return shell.stdout.line(toTerminalJson(queue));
      const state = queue.pausedAt === null ? 'open' : 'paused';
      return shell.stdout.line(`Queue ${toTerminalLine(queue.name)} is ${state}, with ${queue.waiting} waiting.`);
    });
  }
}

function toTable(queues: readonly QueueResource[], width: number): string[] {
  return formatTable<QueueResource>({
    columns: [
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
    ],
    rows: queues,
    width,
  });
}

function describeState({ pausedAt, limitedUntil }: QueueResource): string {
  if (pausedAt !== null) return `paused for ${formatAge(pausedAt)}`;
  return limitedUntil === null ? 'open' : `at the provider's limit until ${limitedUntil}`;
}
