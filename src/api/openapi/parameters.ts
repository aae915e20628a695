import type { Operation } from './document.ts';

type Parameters = NonNullable<Operation['parameters']>;

/** Descriptions of parameters that mean the same in every operation. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  id: 'The id of the resource.',
  name: 'The name of the resource.',
  limit: 'Maximum number of items in a page.',
  cursor: 'The `nextCursor` of the previous page.',
  wait: 'Seconds to wait for something new.',
  'idempotency-key':
    'Up to 255 characters, chosen by the client. For a day, a request with the same key and body returns the same response and has no further effect.',
  'last-event-id':
    'The `id` of the last event received. Takes precedence over `after`; browsers send it automatically.',
  after: 'Only events after this cursor.',
  runsCursor: 'The `nextCursor` of the runs in the previous page.',
  agent: 'Only items of this agent.',
  user: 'Only items of this user.',
  sessionId: 'Only items of this session.',
  runId: 'Only items of this run.',
  status: 'Only items with this status.',
  state: 'Only items in this state.',
  kind: 'Only items of this kind.',
  severity: 'Only items of this severity.',
  scope: 'Only items of this scope.',
  action: 'Only entries with this action.',
  subject: 'Only entries about this subject.',
  groupBy: 'The group that each row adds up.',
  order: 'The newest entries first, or the order of the chain.',
};

/** Adds a description to each parameter that has none. */
export function describeParameters(parameters: Parameters): Parameters {
  return parameters.map((parameter) => {
    const { name, description, schema } = parameter as {
      name: string;
      description?: string;
      schema?: { description?: string };
    };
    const words = description ?? schema?.description ?? DESCRIPTIONS[name];
    return words === undefined ? parameter : { ...parameter, description: words };
  });
}
