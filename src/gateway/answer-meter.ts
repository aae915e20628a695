import { createParser } from 'eventsource-parser';
import { NO_USAGE } from '../core/usage.ts';
import { ANSWER_BOUNDS } from './answer-guard.ts';
import type { AnswerUsage } from './metered.ts';
import { readUsage } from './read-usage.ts';

/** Reads what one answer of the provider's uses while it passes. */
export interface AnswerMeter {
  /** Takes the next bytes; they may break anywhere, within a character too. */
  push(bytes: Uint8Array): void;
  /** Tells that no more will come. An answer that was cut short is counted with an estimate of its output. */
  end(isWhole: boolean): void;
}

interface AnswerMeterOptions {
  readonly contentType: string;
  /** Counts until the answer names its own. */
  readonly requestedModel: string;
  /** Called whenever the answer's usage is known better than before. */
  readonly onUsage: (usage: AnswerUsage) => void;
  /** Called with the JSON of an `error` event. */
  readonly onError: (data: string) => void;
  /** Called with which bound the answer has broken, in words. */
  readonly onExcess: (excess: string) => void;
}

/** Close enough for an answer that nobody will ever count exactly. */
const CHARACTERS_PER_TOKEN = 4;

export function createAnswerMeter(options: AnswerMeterOptions): AnswerMeter {
  return options.contentType.includes('text/event-stream') ? createStreamMeter(options) : createJsonMeter(options);
}

function createStreamMeter({ requestedModel, onUsage, onError, onExcess }: AnswerMeterOptions): AnswerMeter {
  const decoder = new TextDecoder();
  let usage: AnswerUsage = { ...NO_USAGE, model: requestedModel, isEstimated: false };
  let state: 'before' | 'begun' | 'counted' = 'before';
  let characters = 0;
  let blockCharacters = 0;
  const parser = createParser({
    onEvent({ data }) {
      const event = parseObject(data);
      if (event?.['type'] === 'message_start') {
        const message = toObject(event['message']);
        const model = message['model'];
        usage = { ...usage, ...readUsage(usage, message['usage']), ...(typeof model === 'string' ? { model } : {}) };
        state = 'begun';
        onUsage(usage);
      } else if (event?.['type'] === 'message_delta') {
        usage = { ...usage, ...readUsage(usage, event['usage']) };
        state = 'counted';
        onUsage(usage);
      } else if (event?.['type'] === 'content_block_delta') {
        const count = countText(toObject(event['delta']));
        characters += count;
        blockCharacters += count;
        const most = ANSWER_BOUNDS.blockCharacters;
        if (blockCharacters > most) onExcess(`a block of more than ${most} characters`);
      } else if (event?.['type'] === 'content_block_start') {
        blockCharacters = 0;
      } else if (event?.['type'] === 'error') {
        onError(data);
      }
    },
  });
  return {
    push: (bytes) => parser.feed(decoder.decode(bytes, { stream: true })),
    end() {
      if (state !== 'begun') return;
      // The first count is a placeholder of a token or so, which the final one would have replaced.
      const outputTokens = Math.max(usage.outputTokens, Math.ceil(characters / CHARACTERS_PER_TOKEN));
      onUsage({ ...usage, outputTokens, isEstimated: true });
    },
  };
}

function createJsonMeter({ requestedModel, onUsage }: AnswerMeterOptions): AnswerMeter {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return {
    push(bytes) {
      chunks.push(bytes);
      size += bytes.length;
    },
    end(isWhole) {
      const answer = isWhole ? parseObject(Buffer.concat(chunks).toString('utf8')) : null;
      const model = answer?.['model'];
      const usage: AnswerUsage = {
        ...NO_USAGE,
        model: typeof model === 'string' ? model : requestedModel,
        isEstimated: false,
      };
      if (typeof answer?.['usage'] === 'object') onUsage({ ...usage, ...readUsage(usage, answer['usage']) });
      else if (size > 0) onUsage({ ...usage, outputTokens: Math.ceil(size / CHARACTERS_PER_TOKEN), isEstimated: true });
    },
  };
}

function countText(delta: Record<string, unknown>): number {
  const text = delta['text'] ?? delta['thinking'] ?? delta['partial_json'];
  return typeof text === 'string' ? text.length : 0;
}

function parseObject(json: string): Record<string, unknown> | null {
  try {
    return toObject(JSON.parse(json));
  } catch {
    // Not ours to judge: the executable gets the same bytes and says what it thinks of them.
    return null;
  }
}

function toObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
