import { z } from 'zod';
import type { PromptPart } from '../../core/prompt-parts.ts';
import { check } from '../read-request.ts';
import { invalid, notSupported } from '../error.ts';
import { contentSchema, refuseMessageBlock } from './message-content.ts';
import { customResultSchema, refuseSource } from './custom-result-schema.ts';

const thread = { session_thread_id: z.string('must be the id of a thread').nullish() };

const SCHEMAS = {
  'user.message': z.strictObject({
    type: z.literal('user.message'),
    content: contentSchema,
  }),
  'user.interrupt': z.strictObject({ type: z.literal('user.interrupt'), ...thread }),
  'user.tool_confirmation': z
    .strictObject({
      type: z.literal('user.tool_confirmation'),
      tool_use_id: z.string('must be the id of an event'),
      result: z.enum(['allow', 'deny'], 'must be "allow" or "deny"'),
      deny_message: z.string('must be a text').nullish(),
      ...thread,
    })
    .refine(({ result, deny_message: message }) => result === 'deny' || message == null, {
      path: ['deny_message'],
      message: 'must be left out unless result is "deny"',
    }),
  'user.custom_tool_result': customResultSchema,
} as const;

/** An event as a client sends it. */
export type SentEvent = { [T in keyof typeof SCHEMAS]: z.output<(typeof SCHEMAS)[T]> }[keyof typeof SCHEMAS];

type SentMessage = Extract<SentEvent, { type: 'user.message' }>;

/** An event whose files are stored; a message is its parts, or one text. */
export type StoredEvent =
  | Exclude<SentEvent, SentMessage>
  | (Pick<SentMessage, 'type'> & { readonly prompt: string; readonly parts: readonly PromptPart[] | null });

/** Events of the original that Longhaul has no counterpart for. */
const UNSUPPORTED: ReadonlySet<string> = new Set(['user.tool_result', 'user.define_outcome', 'system.message']);

/**
 * Checks the events of a request, in order.
 * @throws {ManagedError} naming the first that is wrong or not supported, and its place.
 */
export function checkEvents(events: readonly unknown[], name: string): SentEvent[] {
  return events.map((event, index) => checkEvent(event, `${name}[${index}]`));
}

function checkEvent(event: unknown, path: string): SentEvent {
  const type = (event as { readonly type?: unknown } | null)?.type;
  if (typeof type === 'string' && UNSUPPORTED.has(type)) throw notSupported(`${path}.type`, `\`${type}\``);
  refuseBlocks(event, path);
  if (typeof type !== 'string' || !Object.hasOwn(SCHEMAS, type))
    throw invalid(`${path}.type: must be one of ${Object.keys(SCHEMAS).join(', ')}`);
  return check(event, SCHEMAS[type as keyof typeof SCHEMAS], path);
}

function refuseBlocks(event: unknown, path: string): void {
  const content = (event as { readonly content?: unknown } | null)?.content;
  if (!Array.isArray(content)) return;
  const isResult = (event as { readonly type?: unknown }).type === 'user.custom_tool_result';
  for (const [index, block] of content.entries()) {
    const at = `${path}.content[${index}]`;
    if (isResult) refuseSource(block, at);
    else refuseMessageBlock(block, at);
  }
}
