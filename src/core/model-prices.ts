import { toMicros, type Micros } from './money.ts';

/** Micro-dollars per million tokens, by class. */
export interface TokenPrice {
  readonly inputTokens: Micros;
  readonly outputTokens: Micros;
  readonly cacheReadTokens: Micros;
  /** Writing to the prompt cache for 5 minutes. */
  readonly cacheWrite5mTokens: Micros;
  /** Writing to the prompt cache for an hour. */
  readonly cacheWrite1hTokens: Micros;
}

/** The price of a model. */
export interface Price extends TokenPrice {
  /** Applies to the whole answer when the prompt, including cached parts, has more tokens than `aboveTokens`. */
  readonly longPrompt?: TokenPrice & { readonly aboveTokens: number };
  /** Like `longPrompt`, for requests that carried the beta of the long context window. */
  readonly longContext?: TokenPrice & { readonly aboveTokens: number };
  /** Applies to answers in fast mode. */
  readonly fast?: TokenPrice;
}

/** Price of $3 models for requests that use the long context window, which these models have only as a beta. */
const LONG_CONTEXT = { aboveTokens: 200_000, ...list({ input: 6, output: 22.5 }) };

/**
 * List prices of the models that the pinned Claude Code knows. Source: its own price table.
 * `test/claude-code-prices.test.ts` asks the executable for its prices; `longContext` is Anthropic's alone, and `fast`
 * was measured with 2.1.330. The prices estimate the provider's bill; they are not the bill.
 */
export const MODEL_PRICES: ReadonlyMap<string, Price> = new Map<string, Price>([
  ['claude-3-5-haiku', list({ input: 0.8, output: 4 })],
  ['claude-haiku-4-5', list({ input: 1, output: 5 })],
  [
    'claude-haiku-5-5',
    {
      ...list({ input: 0.1, output: 0.5 }),
      longPrompt: { aboveTokens: 100_000, ...list({ input: 0.5, output: 2.5 }) },
    },
  ],
  ['claude-3-5-sonnet', list({ input: 3, output: 15 })],
  ['claude-3-7-sonnet', list({ input: 3, output: 15 })],
  ['claude-sonnet-4', { ...list({ input: 3, output: 15 }), longContext: LONG_CONTEXT }],
  ['claude-sonnet-4-5', { ...list({ input: 3, output: 15 }), longContext: LONG_CONTEXT }],
  ['claude-sonnet-4-6', list({ input: 3, output: 15 })],
  ['claude-sonnet-5', list({ input: 2, output: 10 })],
  ['claude-sonnet-5-5', list({ input: 2, output: 10, cacheRead: 0.1 })],
  ['claude-opus-4', list({ input: 15, output: 75 })],
  ['claude-opus-4-1', list({ input: 15, output: 75 })],
  ['claude-opus-4-5', list({ input: 5, output: 25 })],
  ['claude-opus-4-6', { ...list({ input: 5, output: 25 }), fast: list({ input: 30, output: 150 }) }],
  ['claude-opus-4-7', { ...list({ input: 5, output: 25 }), fast: list({ input: 30, output: 150 }) }],
  ['claude-opus-4-8', { ...list({ input: 5, output: 25 }), fast: list({ input: 10, output: 50 }) }],
  ['claude-opus-5', { ...list({ input: 5, output: 25 }), fast: list({ input: 10, output: 50 }) }],
  [
    'claude-opus-5-5',
    { ...list({ input: 4, output: 20, cacheRead: 0.2 }), fast: list({ input: 8, output: 40, cacheRead: 0.4 }) },
  ],
  ['claude-fable-5', list({ input: 10, output: 50 })],
  ['claude-fable-5-1', list({ input: 10, output: 50, cacheRead: 0.25 })],
  [
    'claude-fable-5-2',
    { ...list({ input: 8, output: 40, cacheRead: 0.2 }), fast: list({ input: 16, output: 80, cacheRead: 0.4 }) },
  ],
  ['claude-mythos-5', list({ input: 10, output: 50 })],
  ['claude-mythos-5-1', list({ input: 10, output: 50, cacheRead: 0.25 })],
  [
    'claude-mythos-5-2',
    { ...list({ input: 8, output: 40, cacheRead: 0.2 }), fast: list({ input: 16, output: 80, cacheRead: 0.4 }) },
  ],
]);

/** The price that the same build charges for a model it does not know. */
export const UNKNOWN_MODEL_PRICE: Price = list({ input: 4, output: 20, cacheRead: 0.2 });

/** Price of a web search, the same for every model. */
export const WEB_SEARCH_PRICE: Micros = toMicros(0.01);

/**
 * Factor on the price of tokens when a request requires inference in the United States; measured, $3.00 became $3.30.
 */
export const US_INFERENCE_FACTOR = 1.1;

/**
 * Returns a price from USD per million tokens. A cache read costs a tenth of the input's price unless `cacheRead` is
 * given.
 */
export function list({
  input,
  output,
  cacheRead = input / 10,
}: {
  input: number;
  output: number;
  cacheRead?: number;
}): TokenPrice {
  return {
    inputTokens: toMicros(input),
    outputTokens: toMicros(output),
    cacheReadTokens: toMicros(cacheRead),
    cacheWrite5mTokens: toMicros(input * 1.25),
    cacheWrite1hTokens: toMicros(input * 2),
  };
}
