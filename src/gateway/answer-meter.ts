import { createParser } from 'eventsource-parser';
import { NO_USAGE } from '../core/usage.ts';
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
  /** True when the beginning of the answer reports no input, as with some proxies: no prompt is empty. */
  let isInputUnknown = false;
  const tell = (isEstimated = false): void => {
    const usage = toAnswerUsage(counts, { model, isLongContext: request.isLongContext, isEstimated });
    onUsage(isInputUnknown ? { ...usage, isInputUnknown } : usage);
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
        isInputUnknown = counts.inputTokens + counts.cacheReadTokens + counts.cacheCreationTokens === 0;
        // Until its input is known, the call keeps its reservation.
        if (!isInputUnknown) tell();
      } else if (type === 'message_delta') {
        counts = readUsage(counts, event['usage']);
        state = 'counted';
        isInputUnknown = false;
        // The provider does not bill a refusal before the first word.
        if (toFields(event['delta'])['stop_reason'] === 'refusal' && !estimate.hasContent) counts = toCounts(request);
        tell();
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
      if (state !== 'begun') return;
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
      if (typeof answer?.['usage'] === 'object' && answer['usage'] !== null) {
        const isUnbilled =
          answer['stop_reason'] === 'refusal' && !toList(answer['content']).map(toFields).some(isOutput);
        const counts = isUnbilled ? none : readUsage(none, answer['usage']);
        onUsage(toAnswerUsage(counts, { model, isLongContext, isEstimated: false }));
      } else if (size > 0) {
        const counts = { ...none, outputTokens: Math.ceil(size / BYTES_PER_TOKEN) };
        const usage = toAnswerUsage(counts, { model, isLongContext, isEstimated: true });
        onUsage({ ...usage, isInputUnknown: true });
      }
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

function parseObject(json: string): Readonly<Record<string, unknown>> | null {
  try {
    return toFields(JSON.parse(json));
  } catch {
    // The executable gets the same bytes and judges them itself.
    return null;
  }
}
