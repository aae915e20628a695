import type { RequestBody } from './request-body.ts';

/** Anthropic takes no thinking budget below this. */
const MIN_THINKING_TOKENS = 1_024;

/** What a request may have at most; null leaves as it is what it asks for. */
export interface Allowed {
  readonly maxTokens: number | null;
  readonly maxThinkingTokens: number | null;
}

/** What of a request may have to be lowered. */
type Lowerable = Pick<RequestBody, 'thinking' | 'contextManagement'> &
  Partial<Pick<RequestBody, 'maxTokens' | 'fallbacks'>>;

/** The members of a request that must be set to something less than it asks for: none when it may have it all. */
export function lowerRequest(
  { maxTokens: asked = null, thinking, contextManagement, fallbacks }: Lowerable,
  allowed: Allowed,
): Readonly<Record<string, unknown>> {
  const lowered = lowerThinking(thinking, toMostThinking(allowed));
  const others = lowerFallbacks(fallbacks, allowed);
  const isTooLong = allowed.maxTokens !== null && (asked === null || asked > allowed.maxTokens);
  return {
    ...(isTooLong ? { max_tokens: allowed.maxTokens } : {}),
    ...(lowered === null ? {} : { thinking: lowered }),
    ...(lowered?.['type'] === 'disabled' ? withoutThinkingEdits(contextManagement) : {}),
    ...(others === null ? {} : { fallbacks: others }),
  };
}

/** A fallback may ask for more than the request itself. Null when they may stay as they are. */
function lowerFallbacks(fallbacks: unknown, allowed: Allowed): unknown[] | null {
  if (!Array.isArray(fallbacks)) return null;
  let isChanged = false;
  const lowered = (fallbacks as unknown[]).map((fallback) => {
    if (!isObject(fallback)) return fallback;
    const { max_tokens: asked, thinking } = fallback;
    const isTooLong = allowed.maxTokens !== null && typeof asked === 'number' && asked > allowed.maxTokens;
    const less = lowerThinking(thinking, toMostThinking(allowed));
    isChanged ||= isTooLong || less !== null;
    return {
      ...fallback,
      ...(isTooLong && { max_tokens: allowed.maxTokens }),
      ...(less !== null && { thinking: less }),
    };
  });
  return isChanged ? lowered : null;
}

function toMostThinking({ maxTokens, maxThinkingTokens }: Allowed): { most: number; isForbidden: boolean } {
  const most = Math.min(maxThinkingTokens ?? Infinity, maxTokens === null ? Infinity : toThinkingTokens(maxTokens));
  return { most, isForbidden: maxThinkingTokens === 0 };
}

/**
 * The budget for thinking within `maxTokens`, which must be the larger. In steps: with every other budget the provider
 * forgets what it has cached of the conversation, and would charge it all again while money runs out.
 * https://docs.claude.com/en/docs/build-with-claude/prompt-caching#what-invalidates-the-cache
 */
function toThinkingTokens(maxTokens: number): number {
  if (maxTokens <= MIN_THINKING_TOKENS) return 0;
  return MIN_THINKING_TOKENS * 2 ** Math.floor(Math.log2((maxTokens - 1) / MIN_THINKING_TOKENS));
}

/** What `thinking` is to be instead, or null when it may stay. */
function lowerThinking(
  thinking: unknown,
  { most, isForbidden }: { most: number; isForbidden: boolean },
): Record<string, unknown> | null {
  if (!isObject(thinking)) return null;
  const { type, budget_tokens: budget } = thinking;
  // `adaptive` and the like: how much it thinks is the model's choice, within `max_tokens`.
  if (type !== 'enabled') return isForbidden && type !== 'disabled' ? { type: 'disabled' } : null;
  if (typeof budget !== 'number' || budget <= most) return null;
  return most < MIN_THINKING_TOKENS ? { type: 'disabled' } : { ...thinking, budget_tokens: most };
}

/** The edit by which Claude Code has old thinking left out; without thinking, the provider refuses it with 400. */
const CLEAR_THINKING = /^clear_thinking_/;

function withoutThinkingEdits(contextManagement: unknown): Record<string, unknown> {
  if (!isObject(contextManagement) || !Array.isArray(contextManagement['edits'])) return {};
  const edits = contextManagement['edits'] as unknown[];
  const others = edits.filter(
    (edit) => !isObject(edit) || typeof edit['type'] !== 'string' || !CLEAR_THINKING.test(edit['type']),
  );
  return others.length === edits.length ? {} : { context_management: { ...contextManagement, edits: others } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
