import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { query, type SDKResultMessage, type SDKUserMessage } from '@anthropic-ai/claude-agent-sdk';
import type { TokenUsage } from '../../src/core/usage.ts';
import { say, startScriptedModel, turn } from '../../src/testing/index.ts';

/** A price as Claude Code charges it. */
export interface AskedPrice {
  readonly model: string;
  /** The model that was requested from the provider: another than `model` when that is an alias. */
  readonly requested: string;
  readonly usage: TokenUsage;
  readonly usd: number;
  /** False when Claude Code guesses, because it does not know the model. */
  readonly isListed: boolean;
}

/** The prices and the first settings of an executable. */
export interface AskedPrices {
  readonly prices: readonly AskedPrice[];
  /** The file of settings that it wrote in its empty home. */
  readonly firstSettings: Readonly<Record<string, unknown>>;
}

const NONE: TokenUsage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };

/** The classes of tokens, each in a number that is exact in micro-dollars; the last prompt is in the tier for long ones. */
export const USAGES: readonly TokenUsage[] = [
  { ...NONE, inputTokens: 10_000 },
  { ...NONE, outputTokens: 10_000 },
  { ...NONE, cacheReadTokens: 10_000 },
  { ...NONE, cacheCreationTokens: 10_000 },
  { ...NONE, inputTokens: 500_000 },
];

/**
 * Asks the executable for its prices: one process converses with a loopback model under each name in turn, the answers
 * report given tokens, and each result says what they cost.
 */
export async function askPrices(models: readonly string[]): Promise<AskedPrices> {
  const home = await mkdtemp(path.join(tmpdir(), 'longhaul-prices-'));
  try {
    await using server = await startScriptedModel({
      script: ({ body }) => turn(say('.'), { usage: readUsage(body.messages) }),
      keepRequests: 0,
    });
    const prices = await converse(models, { home, url: server.url });
    const settings = await readFile(path.join(home, '.claude.json'), 'utf8').catch(() => '{}');
    return { prices, firstSettings: JSON.parse(settings) as Record<string, unknown> };
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Finds the tokens in the last prompt, which Claude Code's own messages may follow. */
function readUsage(messages: readonly unknown[]): Partial<TokenUsage> {
  const found = [...JSON.stringify(messages).matchAll(/<usage>([\d,]+)<\/usage>/g)].at(-1);
  const [inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheCreationTokens = 0] =
    found?.[1]?.split(',').map(Number) ?? [];
  return { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens };
}

async function converse(
  models: readonly string[],
  { home, url }: { home: string; url: string },
): Promise<readonly AskedPrice[]> {
  const prompts = new TransformStream<SDKUserMessage>(undefined, { highWaterMark: Infinity });
  const writer = prompts.writable.getWriter();
  const claude = query({
    prompt: prompts.readable,
    options: {
      cwd: home,
      model: models[0] ?? 'default',
      tools: [],
      permissionMode: 'dontAsk',
      settingSources: [],
      persistSession: false,
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        TMPDIR: home,
        CLAUDE_CONFIG_DIR: home,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP: '1',
        DISABLE_AUTO_COMPACT: '1',
        // Claude Code ends with this process, however that ends.
        BUN_FEATURE_FLAG_NO_ORPHANS: '1',
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_API_KEY: 'no-key',
      },
    },
  });
  const ask = async (content: string): Promise<SDKResultMessage> => {
    await writer.write({ type: 'user', message: { role: 'user', content }, parent_tool_use_id: null });
    return untilResult(claude);
  };
  const prices: AskedPrice[] = [];
  try {
    for (const model of models) {
      await claude.setModel(model);
      let before: SDKResultMessage | null = null;
      for (const usage of USAGES) {
        const result = await ask(`<usage>${Object.values(usage).join(',')}</usage>`);
        prices.push({ model, usage, ...toCost(before, result) });
        before = result;
      }
      // Otherwise the tokens so far would be too many for the next model. Costs begin at zero again.
      await ask('/clear');
    }
  } finally {
    await writer.close();
    claude.close();
  }
  return prices;
}

async function untilResult(claude: AsyncIterator<{ readonly type: string }>): Promise<SDKResultMessage> {
  for (;;) {
    const next = await claude.next();
    if (next.done === true) throw new Error('Claude Code ended before its result.');
    if (next.value.type === 'result') return next.value as SDKResultMessage;
  }
}

/** Returns what the last answer cost: results count from the start of the conversation. */
function toCost(before: SDKResultMessage | null, result: SDKResultMessage): Omit<AskedPrice, 'model' | 'usage'> {
  if (result.is_error) throw new Error(`Claude Code failed: ${JSON.stringify(result).slice(0, 500)}`);
  const costBefore = (name: string) => before?.modelUsage[name]?.costUSD ?? 0;
  const [requested, usage] = Object.entries(result.modelUsage).find(
    ([name, { costUSD }]) => costUSD !== costBefore(name),
  ) ?? ['none'];
  return {
    requested,
    usd: Number(((usage?.costUSD ?? 0) - costBefore(requested)).toFixed(9)),
    isListed: usage?.costBasis === 'list',
  };
}
