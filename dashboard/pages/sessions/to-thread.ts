import type { SessionMessageResource } from 'longhaul/client';

type Content = SessionMessageResource['content'][number];
type Result = Extract<Content, { type: 'tool_result' }>;

/** An entry of a thread: a text, or a tool use with its result. */
export interface ThreadEntry {
  readonly key: string;
  readonly runId: string;
  readonly role: SessionMessageResource['role'];
  readonly at: string | null;
  readonly content: Exclude<Content, Result>;
  readonly result: Result | null;
  /** True for the first entry of its run. */
  readonly isFirstOfRun: boolean;
}

/** Splits the messages of a session into entries, in order. */
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
