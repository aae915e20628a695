import type { SessionMessageResource } from 'longhaul/client';

type Content = SessionMessageResource['content'][number];
type Result = Extract<Content, { type: 'tool_result' }>;

/** One thing that was said or done, with the result of a tool beside its use. */
export interface ThreadEntry {
  readonly key: string;
  readonly runId: string;
  readonly role: SessionMessageResource['role'];
  readonly at: string | null;
  readonly content: Exclude<Content, Result>;
  readonly result: Result | null;
  /** The first of its run. */
  readonly isFirstOfRun: boolean;
}

/** Takes the messages of a session apart into what was said and done, in order. */
export function toThread(messages: readonly SessionMessageResource[]): ThreadEntry[] {
  const results = new Map<string, Result>();
  for (const { content } of messages) {
    for (const part of content) if (part.type === 'tool_result') results.set(part.toolUseId, part);
  }
  const entries: ThreadEntry[] = [];
  for (const [index, { content, runId, role, at }] of messages.entries()) {
    for (const [place, part] of content.entries()) {
      if (part.type === 'tool_result') continue;
      const result = part.type === 'tool_use' ? (results.get(part.toolUseId) ?? null) : null;
      const isFirstOfRun = entries.at(-1)?.runId !== runId;
      entries.push({ key: `${index} ${place}`, runId, role, at, content: part, result, isFirstOfRun });
    }
  }
  return entries;
}
