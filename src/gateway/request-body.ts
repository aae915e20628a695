import type { IncomingMessage } from 'node:http';
import { toFields, toList, toText } from '../core/untyped.ts';
import { readDemand, type Demand } from './demand.ts';
import { receiveBody } from './receive-body.ts';
import { countMembers, scanJson } from './scan-json.ts';

/**
 * More values than a prompt of a million tokens has. Parsing and reading them stops the worker's event loop for a second
 * or so; 64 MB of empty lists would stop it for longer than a lease lasts.
 */
export const MAX_BODY_VALUES = 500_000;

/** A reason for which a body is not forwarded; `REFUSALS` has the answer to each. */
export type BodyFault = 'tooLarge' | 'tooMuchHeld' | 'tooSlow' | 'notJson' | 'repeatsMember';

/** A request's body, and the facts that the gateway needs from it. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly model: string;
  /** Null when the request names none, or an invalid one. */
  readonly maxTokens: number | null;
  readonly isStreamed: boolean;
  /**
   * True when it is a step of an agent's loop, of the main agent or a subagent: only those offer tools that the agent
   * runs.
   */
  readonly isTurn: boolean;
  /** True when it requires inference in the United States. */
  readonly isUsOnly: boolean;
  /** True when it asks for the long context window of models that have it as a beta. */
  readonly isLongContext: boolean;
  /** The work that it may cause at the provider. */
  readonly demand: Demand;
  /** As received; undefined when missing. */
  readonly thinking: unknown;
  readonly contextManagement: unknown;
  readonly fallbacks: unknown;
}

/**
 * Reads a whole request, because the decisive members (`max_tokens`, `stream`) are at the end of what Claude Code
 * sends. Rejects when the sender goes away.
 */
export async function readRequestBody(
  request: IncomingMessage,
  options: Parameters<typeof receiveBody>[1],
): Promise<RequestBody | BodyFault> {
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') return 'notJson';
  const received = await receiveBody(request, options);
  if (typeof received === 'string') return received;
  return parseBody(received, String(request.headers['anthropic-beta'] ?? ''));
}

function parseBody(bytes: Buffer, betas: string): RequestBody | BodyFault {
  const { values, members } = scanJson(bytes);
  if (values > MAX_BODY_VALUES) return 'tooLarge';
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 'notJson';
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'notJson';
  // Of two members with one name we would judge the last, and the provider might obey the first.
  if (members !== countMembers(parsed)) return 'repeatsMember';
  const body = toFields(parsed);
  const { model, max_tokens: maxTokens, thinking, fallbacks, context_management: contextManagement } = body;
  const name = toText(model) ?? '';
  return {
    bytes,
    model: name,
    maxTokens: Number.isSafeInteger(maxTokens) && (maxTokens as number) >= 0 ? (maxTokens as number) : null,
    isStreamed: body['stream'] === true,
    isTurn: toList(body['tools']).some((tool) => !isSearchTool(toFields(tool)['type'])),
    isUsOnly: body['inference_geo'] === 'us',
    isLongContext: [betas, name, JSON.stringify([body['betas'], body['anthropic_beta']])].some((text) =>
      LONG_CONTEXT.test(text),
    ),
    demand: readDemand(body, bytes.length),
    thinking,
    fallbacks,
    contextManagement,
  };
}

/** The beta that requests the long context, or Claude Code's own spelling. */
const LONG_CONTEXT = /context-1m|\[1m\]/i;

function isSearchTool(type: unknown): boolean {
  return toText(type)?.startsWith('web_search') === true;
}
