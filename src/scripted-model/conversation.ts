import { z } from 'zod';

/** The parts of a request's body that the model reads; it ignores everything else. */
const part = z.looseObject({ type: z.string() });
const content = z.union([z.string(), z.array(part)]);
const message = z.looseObject({ role: z.string(), content });

/** The body of a Messages API request, as far as the scripted model depends on it. */
export const requestBody = z.looseObject({
  model: z.string(),
  messages: z.array(message).min(1),
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
});

type Content = z.infer<typeof content>;
type ApiMessage = z.infer<typeof message>;

export interface ToolResult {
  readonly toolUseId: string;
  /** The text of the result as the model sees it; parts that are not text, such as images, are left out. */
  readonly content: string;
  readonly isError: boolean;
}

/** A tool call of the conversation with its result. */
export interface ToolCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly result: ToolResult;
}

/**
 * Returns the text of a prompt. Claude Code puts its own reminders before it, each as a whole part; a prompt that looks
 * like a reminder is still found, because it comes last.
 */
export function readPrompt(messages: readonly ApiMessage[]): string {
  const first = messages.find((each) => each.role === 'user')?.content ?? '';
  const texts = typeof first === 'string' ? [first] : readTexts(first);
  const written = texts.filter((text) => !text.startsWith('<system-reminder>'));
  return written.length > 0 ? written.join('\n') : (texts.at(-1) ?? '');
}

/** Returns the tool results in the last message of the user. */
export function readToolResults(messages: readonly ApiMessage[]): ToolResult[] {
  return toToolResults(messages.findLast((each) => each.role === 'user')?.content ?? '');
}

/** Returns the finished tool calls since the latest prompt, in the order of the calls. */
export function readToolCalls(messages: readonly ApiMessage[]): ToolCall[] {
  const latest = messages.findLastIndex((each) => each.role === 'user' && toToolResults(each.content).length === 0);
  const since = messages.slice(latest + 1);
  const results = new Map(since.flatMap((each) => toToolResults(each.content)).map((each) => [each.toolUseId, each]));
  return since.flatMap((each) =>
    toParts(each.content, 'tool_use').flatMap((call): ToolCall[] => {
      const result = results.get(String(call['id']));
      const input = (call['input'] ?? {}) as ToolCall['input'];
      return result === undefined ? [] : [{ name: String(call['name']), input, result }];
    }),
  );
}

function toToolResults(of: Content): ToolResult[] {
  return toParts(of, 'tool_result').map((each) => ({
    toolUseId: String(each['tool_use_id']),
    content: typeof each['content'] === 'string' ? each['content'] : readTexts(each['content']).join('\n'),
    isError: each['is_error'] === true,
  }));
}

function toParts(of: Content, type: string): z.infer<typeof part>[] {
  return typeof of === 'string' ? [] : of.filter((each) => each.type === type);
}

function readTexts(parts: unknown): string[] {
  const parsed = z.array(part).safeParse(parts);
  return toParts(parsed.data ?? [], 'text').map((each) => String(each['text']));
}
