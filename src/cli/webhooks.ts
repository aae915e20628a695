import { InvalidArgumentError, Option, type Command } from 'commander';
import type { WebhookDeliveryResource, WebhookResource } from '../client/client.ts';
import {
  EVENTS_OF_FORMAT,
  MANAGED_WEBHOOK_EVENTS,
  WEBHOOK_EVENTS,
  WEBHOOK_FORMATS,
  type ManagedWebhookEvent,
  type WebhookEvent,
  type WebhookFormat,
} from '../core/webhooks.ts';
import { parseCount, parseDeliveryId, parseWebhookId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatAge } from './durations.ts';
import { printList, printOne, type PrintOptions, thereAreMore } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';
import { toTerminalLine } from './terminal-text.ts';

type AnyEvent = WebhookEvent | ManagedWebhookEvent;

interface ListOptions extends PrintOptions {
  readonly limit: number;
}

interface CreateOptions extends PrintOptions {
  readonly format?: WebhookFormat;
  readonly event?: readonly AnyEvent[];
  readonly description?: string;
}

/** Adds `longhaul webhooks create`, `list`, `delete`, `deliveries` and `redeliver`. */
export function addWebhooksCommand(program: Command, shell: Shell): void {
  const webhooks = program
    .command('webhooks')
    .summary('manage webhooks')
    .description('Create, list and delete webhooks, and list and repeat their deliveries.')
    .helpCommand(false)
    .addHelpText('after', '\nExample:\n  $ longhaul webhooks create https://shop.example.com/hooks/longhaul');

  addCreate(webhooks, shell);
  addList(webhooks, shell);
  addDelete(webhooks, shell);
  addDeliveries(webhooks, shell);
  addRedeliver(webhooks, shell);
}

function addCreate(webhooks: Command, shell: Shell): void {
  const create = webhooks
    .command('create')
    .summary('create a webhook')
    .description(
      "Create a webhook for events of this key's runs, or of managed agents, and print its secret, which is shown only once.",
    )
    .argument('<url>', 'the address to post to')
    .addOption(
      new Option(
        '--format <format>',
        "form of the messages: of runs, or of managed agents for Anthropic's client",
      ).choices(WEBHOOK_FORMATS),
    )
    .option(
      '--event <event>',
      `event to deliver, one of ${WEBHOOK_EVENTS.join(', ')}; with --format anthropic one of ${MANAGED_WEBHOOK_EVENTS.join(', ')}; may be repeated`,
      parseEvent,
    )
    .option('--description <text>', 'description of the webhook, for people')
    .option('--json', 'print the webhook as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul webhooks create https://shop.example.com/hook --event run.failed');
  addConnectionOptions(create).action(
    async (url: string, { format, event, description, ...options }: CreateOptions) => {
      const client = await connect(shell, options);
      const created = await client.createWebhook({
        url,
        format,
        events: event === undefined ? undefined : [...event],
        description,
      });
      printOne(shell, created, {
        json: options.json,
        describe: ({ secret }) => secret,
        note: ({ id, events }) => `Webhook ${id}: ${events.join(', ')}. Its secret is not shown again.`,
      });
    },
  );
}

function addList(webhooks: Command, shell: Shell): void {
  const list = webhooks
    .command('list')
    .summary('list webhooks')
    .description("List this key's webhooks, newest first; with an admin key all webhooks.")
    .option('--limit <count>', 'maximum number of webhooks, 1 to 200', parseCount(1, 200), 50)
    .option('--json', 'print { data, nextCursor } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul webhooks list');
  addConnectionOptions(list).action(async ({ limit, ...options }: ListOptions) => {
    const page = await (await connect(shell, options)).webhooks({ limit });
    printList(shell, page, { json: options.json, columns: COLUMNS, more: thereAreMore });
  });
}

function addDelete(webhooks: Command, shell: Shell): void {
  const remove = webhooks
    .command('delete')
    .summary('delete a webhook')
    .description('Delete a webhook: it receives no further deliveries.')
    .argument('<id>', "the webhook's id", parseWebhookId)
    .option('--json', 'print the webhook as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul webhooks delete 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(remove).action(async (id: string, options: PrintOptions) => {
    const removed = await (await connect(shell, options)).removeWebhook(id);
    printOne(shell, removed, { json: options.json, describe: () => `Webhook ${removed.id} is deleted.` });
  });
}

function addDeliveries(webhooks: Command, shell: Shell): void {
  const deliveries = webhooks
    .command('deliveries')
    .summary('list the deliveries of a webhook')
    .description('List the deliveries of a webhook with their outcomes, newest first.')
    .argument('<id>', "the webhook's id", parseWebhookId)
    .option('--limit <count>', 'maximum number of deliveries, 1 to 200', parseCount(1, 200), 50)
    .option('--json', 'print { data, nextCursor } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul webhooks deliveries 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(deliveries).action(async (id: string, { limit, ...options }: ListOptions) => {
    const page = await (await connect(shell, options)).deliveries({ webhookId: id, limit });
    printList(shell, page, { json: options.json, columns: DELIVERY_COLUMNS, more: thereAreMore });
  });
}

function addRedeliver(webhooks: Command, shell: Shell): void {
  const redeliver = webhooks
    .command('redeliver')
    .summary('repeat a delivery')
    .description('Repeat a delivery with the same id and content.')
    .argument('<id>', "the delivery's id", parseDeliveryId)
    .option('--json', 'print the delivery as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul webhooks redeliver 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(redeliver).action(async (id: string, options: PrintOptions) => {
    const delivery = await (await connect(shell, options)).redeliver(id);
    printOne(shell, delivery, {
      json: options.json,
      describe: ({ type }) => `Delivery ${delivery.id} (${type}) is queued again.`,
    });
  });
}

function parseEvent(value: string, before: readonly AnyEvent[] = []): AnyEvent[] {
  const known = Object.values(EVENTS_OF_FORMAT).flat();
  const event = known.find((name) => name === value);
  if (event === undefined) throw new InvalidArgumentError(`It must be one of ${known.join(', ')}.`);
  return [...before, event];
}

const COLUMNS: readonly Column<WebhookResource>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'STATE', value: ({ disabledAt }) => (disabledAt === null ? 'active' : 'disabled') },
  { title: 'AGE', align: 'right', value: ({ createdAt }) => formatAge(createdAt) },
  { title: 'URL', value: ({ url }) => toTerminalLine(url) },
  { title: 'EVENTS', value: ({ events }) => events.join(', ') },
];

const DELIVERY_COLUMNS: readonly Column<WebhookDeliveryResource>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'STATUS', value: ({ status }) => status },
  { title: 'TYPE', value: ({ type }) => type },
  { title: 'AGE', align: 'right', value: ({ createdAt }) => formatAge(createdAt) },
  { title: 'ATTEMPTS', align: 'right', value: ({ attempts }) => String(attempts) },
  { title: 'LAST', value: ({ error, responseStatus }) => error ?? String(responseStatus ?? '') },
];
