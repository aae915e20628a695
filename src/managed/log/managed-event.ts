/** An event of a session as clients see it. */
export interface ManagedEvent {
  readonly id: string;
  readonly type: string;
  /** RFC 3339; null while a message waits. */
  readonly processed_at: string | null;
  readonly [field: string]: unknown;
}

/** A piece of a text that is being written. */
export interface Preview {
  /** The id of the `agent.message` that will have the whole text. */
  readonly eventId: string;
  /** The text before this piece. */
  readonly soFar: string;
  readonly text: string;
}

/** An item that a reader of a session receives. Only a stream that asks for them shows previews. */
export type LogItem = { readonly event: ManagedEvent } | { readonly preview: Preview };

/** The figures of a session at a moment. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheCreationTokens: number;
  /** The part of the tokens written to the cache for an hour; the rest is for five minutes. */
  readonly cacheCreation1hTokens: number;
  /** Null while a run is in progress. */
  readonly costMicros: number | null;
  readonly activeMs: number;
}

/** Maps the figures. `list_cost` is in whole cents, rounded half up. */
export function toWireUsage(usage: Usage): Record<string, unknown> {
  const { costMicros, cacheCreationTokens, cacheCreation1hTokens } = usage;
  return {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: Math.max(0, cacheCreationTokens - cacheCreation1hTokens),
      ephemeral_1h_input_tokens: cacheCreation1hTokens,
    },
    ...(costMicros !== null && {
      list_cost: { amount: String(Math.floor((costMicros + 5_000) / 10_000)), currency: 'USD' },
    }),
    active_seconds: Math.round(usage.activeMs / 1_000),
    server_tool_use: { web_search_requests: 0, web_fetch_requests: 0 },
  };
}
