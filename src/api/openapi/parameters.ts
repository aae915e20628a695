import type { Operation } from './document.ts';

type Parameters = NonNullable<Operation['parameters']>;

/** What parameters mean that are everywhere the same. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  id: 'What it is about.',
  name: 'What it is about.',
  limit: 'How many there are on a page.',
  cursor: 'The `nextCursor` of the page before.',
  wait: 'Seconds to wait for something new.',
  'idempotency-key':
    'Up to 255 characters of the caller’s choice: for a day the same key with the same body has the same answer, and does nothing again.',
  'last-event-id': 'The `id` of the last event that was seen. Goes before `after`; a browser sends it by itself.',
  after: 'Events behind this cursor.',
  runsCursor: 'The `nextCursor` of the runs on the page before.',
  agent: 'Those of this agent alone.',
  user: 'Those of this user alone.',
  sessionId: 'Those of this conversation alone.',
  runId: 'Those of this run alone.',
  status: 'Those with this status alone.',
  state: 'Those in this state alone.',
  kind: 'Those of this kind alone.',
  severity: 'Those that are as grave as this alone.',
  scope: 'Those of this scope alone.',
  action: 'Those that say this was done alone.',
  subject: 'Those about this alone.',
  groupBy: 'What each row sums up.',
  order: 'The oldest or the newest first.',
};

/** Parameters with what they mean, also those whose routes do not say. */
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
