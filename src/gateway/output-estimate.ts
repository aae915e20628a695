import { toFields, toNumber, toText } from '../core/untyped.ts';
import type { Counts } from './read-usage.ts';

/** Follows an answer, in case it breaks off before the provider has counted it. */
export interface OutputEstimate {
  /** True when the answer has begun to contain output. */
  readonly hasContent: boolean;
  /** Number of characters of the block in progress. */
  readonly blockCharacters: number;
  /** Takes an event of the stream. */
  take(type: string, event: Readonly<Record<string, unknown>>): void;
  /** Completes the `counts` from the answer's beginning with the usage since then. */
  complete(counts: Counts): Counts;
}

/** Close enough for an answer that is never counted exactly. */
const CHARACTERS_PER_TOKEN = 4;

/** A signature contains the whole thinking, encrypted, in base64: three bytes in four characters. */
const SIGNATURE_CHARACTERS_PER_TOKEN = (CHARACTERS_PER_TOKEN * 4) / 3;

/** Probable speed of a model whose output is not visible. */
export const LIKELY_TOKENS_PER_SECOND = 60;

export function createOutputEstimate(): OutputEstimate {
  /** Tokens of finished blocks. */
  let finishedTokens = 0;
  let block: Block | null = null;
  let searches = 0;
  /** Results of the provider's own tools so far, and the number of times that the model has read them and continued. */
  let foundTokens = 0;
  let rereads = 0;
  let rereadTokens = 0;
  let hasContent = false;

  function finish(): void {
    finishedTokens += block === null ? 0 : toTokens(block);
    block = null;
  }

  return {
    get hasContent() {
      return hasContent;
    },
    get blockCharacters() {
      return block?.shown ?? 0;
    },
    take(type, event) {
      if (type === 'content_block_start') {
        finish();
        const content = toFields(event['content_block']);
        hasContent ||= isOutput(content);
        const kind = toText(content['type']) ?? '';
        block = createBlock(kind.includes('thinking'));
        // Thinking that arrives encrypted in one piece.
        block.signed += (toText(content['data']) ?? '').length;
        if (kind === 'server_tool_use' && content['name'] === 'web_search') searches += 1;
        if (kind.endsWith('_tool_result')) {
          foundTokens += JSON.stringify(content).length / CHARACTERS_PER_TOKEN;
          rereads += 1;
          rereadTokens += foundTokens;
        }
      } else if (type === 'content_block_delta') {
        block ??= createBlock(false);
        const delta = toFields(event['delta']);
        const shown = delta['text'] ?? delta['thinking'] ?? delta['partial_json'] ?? delta['content'];
        block.shown += (toText(shown) ?? '').length;
        block.told += Math.max(0, toNumber(delta['estimated_tokens']) ?? 0);
        block.signed += (toText(delta['signature']) ?? '').length;
        hasContent ||= toTokens(block) > 0;
      } else if (type === 'content_block_stop') finish();
    },
    complete(counts) {
      // The first count is a placeholder of about one token, which the final count would have replaced.
      const outputTokens = Math.max(counts.outputTokens, Math.ceil(finishedTokens + toTokensSoFar(block)));
      const promptTokens = counts.inputTokens + counts.cacheReadTokens + counts.cacheCreationTokens;
      return {
        ...counts,
        outputTokens,
        inputTokens: counts.inputTokens + Math.ceil(rereads * promptTokens + rereadTokens),
        webSearches: Math.max(counts.webSearches, searches),
      };
    },
  };
}

/** Returns whether a block of an answer is output: an empty text is not, and neither is the mark of another model. */
export function isOutput(content: Readonly<Record<string, unknown>>): boolean {
  const { type, text } = content;
  return type !== 'fallback' && (type !== 'text' || text !== '');
}

interface Block {
  readonly isThinking: boolean;
  readonly startedAt: number;
  /** Characters of text. */
  shown: number;
  /** Tokens of hidden thinking that the provider reported. */
  told: number;
  /** Characters of the signature at the end of a thinking block. */
  signed: number;
}

function createBlock(isThinking: boolean): Block {
  return { isThinking, startedAt: performance.now(), shown: 0, told: 0, signed: 0 };
}

function toTokens({ shown, told, signed }: Block): number {
  return Math.max(shown / CHARACTERS_PER_TOKEN, told, signed / SIGNATURE_CHARACTERS_PER_TOKEN);
}

/**
 * Returns the tokens of an unfinished block. For a thinking block that shows nothing, they are estimated from the time.
 */
function toTokensSoFar(block: Block | null): number {
  if (block === null) return 0;
  const tokens = toTokens(block);
  if (!block.isThinking || tokens > 0) return tokens;
  return ((performance.now() - block.startedAt) / 1_000) * LIKELY_TOKENS_PER_SECOND;
}
