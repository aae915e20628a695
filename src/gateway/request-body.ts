import type { IncomingMessage } from 'node:http';
import type { ByteClaim } from './byte-budget.ts';

/** Twice what Anthropic's API takes. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** A request's body, and what the gateway must know of it. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly model: string;
  /** Null when it names none, or nothing that makes sense. */
  readonly maxTokens: number | null;
  readonly isStreamed: boolean;
  /** Whether it is a step of an agent's loop, main or sub-agent: only those offer tools that the agent runs. */
  readonly isTurn: boolean;
  readonly isFast: boolean;
  /** What else may answer it, should its model decline to. */
  readonly fallbackModels: readonly string[];
  /** How often the provider may search the web for it. */
  readonly maxSearches: number;
  /** As they came; undefined when they did not. */
  readonly thinking: unknown;
  readonly contextManagement: unknown;
}

/** For a search tool that sets no bound; more than a model was seen to do within one answer. */
const MAX_SEARCHES = 10;

/**
 * Reads a whole request: what decides on it (`max_tokens`, `stream`) stands at the end of what Claude Code sends.
 * `claim` is raised before anything is read, or with each chunk when the size was not announced.
 * Rejects when the sender goes away.
 */
export async function readRequestBody(
  request: IncomingMessage,
  claim: ByteClaim,
): Promise<RequestBody | 'tooLarge' | 'tooMuchHeld' | 'notJson'> {
  const announcedBytes = Number(request.headers['content-length'] ?? 0);
  if (announcedBytes > MAX_BODY_BYTES) return 'tooLarge';
  if (!claim.raiseTo(announcedBytes)) return 'tooMuchHeld';
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') return 'notJson';
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed on return: the refusal still has to go out on this connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return 'tooLarge';
    if (!claim.raiseTo(size)) return 'tooMuchHeld';
    chunks.push(chunk);
  }
  return parseBody(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
}

function parseBody(bytes: Buffer): RequestBody | 'notJson' {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 'notJson';
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'notJson';
  const { model, max_tokens: maxTokens, stream, tools, speed, thinking, ...rest } = body as Record<string, unknown>;
  const offered = Array.isArray(tools) ? tools.map(toTool) : [];
  const searchTools = offered.filter(({ type }) => typeof type === 'string' && type.startsWith('web_search'));
  return {
    bytes,
    model: typeof model === 'string' ? model : '',
    maxTokens: isCount(maxTokens) ? maxTokens : null,
    isStreamed: stream === true,
    isTurn: offered.length > searchTools.length,
    isFast: speed !== undefined && speed !== null && speed !== 'standard',
    fallbackModels: toModels(rest['fallbacks']),
    maxSearches: searchTools.reduce((sum, { max_uses: uses }) => sum + (isCount(uses) ? uses : MAX_SEARCHES), 0),
    thinking,
    contextManagement: rest['context_management'],
  };
}

function toTool(tool: unknown): { readonly type?: unknown; readonly max_uses?: unknown } {
  return typeof tool === 'object' && tool !== null ? tool : {};
}

function toModels(fallbacks: unknown): string[] {
  const entries = Array.isArray(fallbacks) ? (fallbacks as ({ model?: unknown } | null)[]) : [];
  return entries.map((entry) => entry?.model).filter((model) => typeof model === 'string');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
