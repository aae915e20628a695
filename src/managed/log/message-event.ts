import type { PromptPart } from '../../core/prompt-parts.ts';
import { toWireId } from '../ids.ts';
import { toRowId } from './event-ids.ts';
import type { ManagedEvent } from './managed-event.ts';

/** A message of a user, as its row has it. */
interface Message {
  readonly prompt: string;
  /** Null: it is one text. */
  readonly parts: readonly PromptPart[] | null;
}

/** Shows what a user has said. `at` is null while the message waits. */
export function toMessage(
  uuid: string,
  { prompt, parts }: Message,
  at: string | null,
): { readonly event: ManagedEvent } {
  const content = (parts ?? [{ type: 'text', text: prompt } as const]).map(toBlock);
  return { event: { id: toRowId(uuid), type: 'user.message', processed_at: at, content } };
}

/** A file is named by its id, however it was sent: an event stays small. */
function toBlock(part: PromptPart): object {
  if (part.type === 'text') return part;
  const { type, fileId, title, context } = part;
  const source = { type: 'file', file_id: toWireId('file', fileId) };
  return { type, source, ...(title !== undefined && { title }), ...(context !== undefined && { context }) };
}
