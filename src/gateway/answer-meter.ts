import { createParser } from 'eventsource-parser';
import { NO_USAGE, toTokenCount } from '../core/usage.ts';
import { toFields, toList, toText } from '../core/untyped.ts';
import { ANSWER_BOUNDS } from './answer-guard.ts';
import { toAnswerUsage, type AnswerUsage } from './answer-usage.ts';
import { createOutputEstimate, isOutput } from './output-estimate.ts';
import { readUsage, type Counts } from './read-usage.ts';
import type { RequestBody } from './request-body.ts';

/** Reads the usage of one answer of the provider while it passes. */
export interface AnswerMeter {
  /** Takes the next bytes; they may break anywhere, also within a character. */
  push(bytes: Uint8Array): void;
  /** Signals the end of the bytes. An interrupted answer is counted with an estimate of its usage. */
  end(isWhole: boolean): void;
}

interface AnswerMeterOptions {
  readonly contentType: string;
  /** The request's values apply until the answer reports its own: the model, the speed, the place. */
  readonly request: Pick<RequestBody, 'model' | 'isUsOnly' | 'isLongContext'> & { readonly isFast: boolean };
  /** Called whenever the answer's usage becomes known more exactly. */
  readonly onUsage: (usage: AnswerUsage) => void;
  /** Called with the JSON of an `error` event. */
  readonly onError: (data: string) => void;
  /** Called with the bound that the answer has broken, in words. */
  readonly onExcess: (excess: string) => void;
}

/** Close enough for an answer that cannot be read. */
const BYTES_PER_TOKEN = 4;

export function createAnswerMeter(options: AnswerMeterOptions): AnswerMeter {
  return options.contentType.includes('text/event-stream') ? createStreamMeter(options) : createJsonMeter(options);
}

function createStreamMeter({ request, onUsage, onError, onExcess }: AnswerMeterOptions): AnswerMeter {
  const decoder = new TextDecoder();
  const estimate = createOutputEstimate();
  let counts = toCounts(request);
  let { model } = request;
  let state: 'before' | 'begun' | 'counted' = 'before';
  const tell = (isEstimated = false): void => {
    // No prompt is empty: some providers and proxies report no input.
    const isInputUnknown = promptTokensOf(counts) === 0;
    const { isLongContext } = request;
    const usage = toAnswerUsage(counts, { model, isLongContext, isEstimated: isEstimated || isInputUnknown });
    onUsage(isInputUnknown ? { ...usage, isInputUnknown } : usage);
  };
  const takeEnd = (event: Readonly<Record<string, unknown>>): void => {
    counts = readUsage(counts, event['usage']);
    // The provider does not bill a refusal before the first word.
    if (toFields(event['delta'])['stop_reason'] === 'refusal' && !estimate.hasContent) {
      state = 'counted';
      counts = toCounts(request);
      return onUsage(toAnswerUsage(counts, { model, isLongContext: request.isLongContext, isEstimated: false }));
    }
    // Without a count of the output, the answer itself is counted when it ends.
    if (!estimate.hasContent || toTokenCount(toFields(event['usage'])['output_tokens']) > 0) state = 'counted';
    tell();
  };
  const parser = createParser({
    onEvent({ data }) {
      const event = parseObject(data);
      const type = event?.['type'];
      if (event === null || typeof type !== 'string') return;
      if (type === 'message_start') {
        const message = toFields(event['message']);
        model = toText(message['model']) ?? model;
        counts = readUsage(counts, message['usage']);
        state = 'begun';
        // Until its input is known, the call keeps its reservation.
        if (promptTokensOf(counts) > 0) tell();
      } else if (type === 'message_delta') {
        takeEnd(event);
      } else if (type === 'error') {
        onError(data);
      } else {
        estimate.take(type, event);
        const most = ANSWER_BOUNDS.blockCharacters;
        if (estimate.blockCharacters > most) onExcess(`a block of more than ${most} characters`);
      }
    },
  });
  return {
    push: (bytes) => parser.feed(decoder.decode(bytes, { stream: true })),
    end() {
      if (state === 'counted' || (state === 'before' && !estimate.hasContent)) return;
      counts = estimate.complete(counts);
      tell(true);
    },
  };
}

function createJsonMeter({ request, onUsage }: AnswerMeterOptions): AnswerMeter {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return {
    push(bytes) {
      chunks.push(bytes);
      size += bytes.length;
    },
    end(isWhole) {
      const answer = isWhole ? parseObject(Buffer.concat(chunks).toString('utf8')) : null;
      const model = toText(answer?.['model']) ?? request.model;
      const { isLongContext } = request;
      const none = toCounts(request);
      const hasContent = toList(answer?.['content']).map(toFields).some(isOutput);
      const isUnbilled = answer?.['stop_reason'] === 'refusal' && !hasContent;
      if (isUnbilled) return onUsage(toAnswerUsage(none, { model, isLongContext, isEstimated: false }));
      if (size === 0) return;
      const counts = readUsage(none, answer?.['usage']);
      const isCounted = typeof answer?.['usage'] === 'object' && answer['usage'] !== null;
      const isOutputUnknown = counts.outputTokens === 0 && (hasContent || !isCounted);
      const isInputUnknown = promptTokensOf(counts) === 0;
      const outputTokens = isOutputUnknown ? Math.ceil(size / BYTES_PER_TOKEN) : counts.outputTokens;
      const isEstimated = isInputUnknown || isOutputUnknown;
      const usage = toAnswerUsage({ ...counts, outputTokens }, { model, isLongContext, isEstimated });
      onUsage(isInputUnknown ? { ...usage, isInputUnknown } : usage);
    },
  };
}

function toCounts({ isFast, isUsOnly }: AnswerMeterOptions['request']): Counts {
  return {
    ...NO_USAGE,
    cacheCreation1hTokens: 0,
    thinkingTokens: null,
    webSearches: 0,
    isFast,
    isUsOnly,
    iterations: [],
  };
}

function promptTokensOf({ inputTokens, cacheReadTokens, cacheCreationTokens }: Counts): number {
  return inputTokens + cacheReadTokens + cacheCreationTokens;
}

function parseObject(json: string): Readonly<Record<string, unknown>> | null {
  try {
    return toFields(JSON.parse(json));
  } catch {
    // The executable gets the same bytes and judges them itself.
    return null;
  }
}
