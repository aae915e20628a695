import type { RequestBody } from './request-body.ts';

/** Minimum thinking budget that Anthropic accepts. */
const MIN_THINKING_TOKENS = 1_024;

/** Upper limits of a request; null leaves its own value unchanged. */
export interface Allowed {
  readonly maxTokens: number | null;
  readonly maxThinkingTokens: number | null;
}

/** Members of a request that may have to be lowered. */
type Lowerable = Pick<RequestBody, 'thinking' | 'contextManagement'> &
  Partial<Pick<RequestBody, 'maxTokens' | 'fallbacks'>>;

/** Returns the members of a request that must be lowered; none when it may have everything that it asks for. */
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

/** Lowers fallbacks, which may ask for more than the request itself. Returns null when they may stay unchanged. */
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
 * Returns the thinking budget within `maxTokens`, which must be larger. In steps: every other budget makes the provider
 * drop its cache of the conversation, and charge for it again while money runs out.
 * https://docs.claude.com/en/docs/build-with-claude/prompt-caching#what-invalidates-the-cache
 */
function toThinkingTokens(maxTokens: number): number {
  if (maxTokens <= MIN_THINKING_TOKENS) return 0;
  return MIN_THINKING_TOKENS * 2 ** Math.floor(Math.log2((maxTokens - 1) / MIN_THINKING_TOKENS));
}

/** Returns the replacement of `thinking`, or null when it may stay. */
function lowerThinking(
  thinking: unknown,
  { most, isForbidden }: { most: number; isForbidden: boolean },
): Record<string, unknown> | null {
  if (!isObject(thinking)) return null;
  const { type, budget_tokens: budget } = thinking;
  // With `adaptive` and the like, the model chooses how much it thinks, within `max_tokens`.
  if (type !== 'enabled') return isForbidden && type !== 'disabled' ? { type: 'disabled' } : null;
  if (typeof budget !== 'number' || budget <= most) return null;
  return most < MIN_THINKING_TOKENS ? { type: 'disabled' } : { ...thinking, budget_tokens: most };
}

/** The edit with which Claude Code removes old thinking; without thinking, the provider rejects it with 400. */
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
