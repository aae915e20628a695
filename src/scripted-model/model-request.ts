import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { ToolResult } from './conversation.ts';
import { readPrompt, readToolResults, requestBody } from './conversation.ts';

/** A call of the Messages API as the scripted model received it. */
export interface ModelRequest {
  readonly method: string;
  /** With its query string, such as `/v1/messages?beta=true`. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The whole body as parsed from JSON. */
  readonly body: Readonly<z.infer<typeof requestBody>>;
  readonly model: string;
  /** The text of the first message of the user, without the reminders that Claude Code adds. */
  readonly prompt: string;
  /** Number of the model's answers that the conversation already contains: 0 for the first request of a session. */
  readonly turn: number;
  /** The tool results in the last message of the user; not always in the order of the calls. */
  readonly toolResults: readonly ToolResult[];
  /** The names of the tools the model may call. */
  readonly toolNames: readonly string[];
  readonly receivedAt: Date;
}

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** Parses a request, or returns the faults of its body as a text. */
export function parseModelRequest({ method, path, headers, body: received }: Received): ModelRequest | string {
  const parsed = requestBody.safeParse(received);
  if (!parsed.success) {
    return parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ');
  }
  const body = parsed.data;
  return {
    method,
    path,
    headers,
    body,
    model: body.model,
    prompt: readPrompt(body.messages),
    turn: body.messages.filter((message) => message.role === 'assistant').length,
    toolResults: readToolResults(body.messages),
    toolNames: (body.tools ?? []).map((tool) => tool.name),
    receivedAt: new Date(),
  };
}
