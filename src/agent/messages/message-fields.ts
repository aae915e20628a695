import type { NewEvent } from '../../core/events.ts';
import { toStorable } from '../../core/text.ts';
import { toStorableJson } from './storable-json.ts';

/** The fields of a message, whose types are not known. */
export type Fields = Readonly<Record<string, unknown>>;

/** Returns the field that names the subagent's tool use in an event; nothing for the main loop. */
export function within(parent: string | null): { parentToolUseId?: string } {
  return parent === null ? {} : { parentToolUseId: toStorable(parent) };
}

/** Returns the event of a message that no other event describes. */
export function toOther(message: unknown): NewEvent {
  return { type: 'agent.other', data: { message: toStorableJson(message) } };
}
