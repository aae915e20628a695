import { inBackground } from '../../core/guard.ts';
import type { ContentPart } from '../../core/prompt-parts.ts';
import { settlesWithin } from '../../core/settles-within.ts';
import { toFields, toText } from '../../core/untyped.ts';

/** Longest wait of a tool until Claude Code has read the messages; reading takes about 5 ms. */
const READ_TIMEOUT_MS = 500;

/** A message to a conversation in progress. */
export interface SteeringMessage {
  /** A UUID that is stored with it in the transcript. */
  readonly id: string;
  readonly text: string;
  /** Its parts, if it is more than a text. Defaults to null. */
  readonly parts?: readonly ContentPart[] | null;
}

interface Target {
  readonly tell: (message: SteeringMessage) => void;
  /** Returns whether a tool is running: the model is asked again when it has ended. */
  readonly isAtTool: () => boolean;
}

/** Sends messages to a conversation in progress; the model takes them up in the same turn. */
export interface Steering {
  /** Sends a message at once while a tool runs, otherwise when the next tool begins: never, if none does. */
  say(message: SteeringMessage): void;
  /** Sets the process that receives the messages. */
  attach(target: Target): void;
  /** Called when a tool is about to begin. Resolves when Claude Code has read the waiting messages. */
  toolBegins(): Promise<void>;
  hear(message: unknown): void;
  /** True when Claude Code has taken up every message that was handed over. */
  readonly isHeard: boolean;
}

/**
 * Creates the steering. Claude Code puts messages in its own queue and takes them up when a tool has ended (measured:
 * reported by `command_lifecycle` `started`, just before the next request). In the middle of an answer it would keep a
 * message until the result, and then begin a separate turn with a separate result. So nothing is handed over then: a
 * message for which no tool came has never reached Claude Code, and can become a separate run. A message that is taken
 * up after the result does not count.
 */
export function createSteering({ onTakenUp }: { onTakenUp: (id: string) => void }): Steering {
  const waiting: SteeringMessage[] = [];
  /** Messages that were handed over, with the promises of their reading. */
  const handedOver = new Map<string, PromiseWithResolvers<void>>();
  const takenUp = new Set<string>();
  let target: Target | null = null;
  let isOver = false;

  function handOver(): Promise<void>[] {
    if (target === null || isOver) return [];
    return waiting.splice(0).map((message) => {
      const read = Promise.withResolvers<void>();
      handedOver.set(message.id, read);
      target?.tell(message);
      return read.promise;
    });
  }

  return {
    say(message) {
      waiting.push(message);
      if (target?.isAtTool() === true) inBackground(handOver);
    },
    attach(to) {
      target = to;
    },
    async toolBegins() {
      const reads = handOver();
      if (reads.length > 0) await settlesWithin(Promise.all(reads), READ_TIMEOUT_MS);
    },
    hear(message) {
      const fields = toFields(message);
      if (fields['type'] === 'result') isOver = true;
      if (fields['type'] !== 'command_lifecycle' || isOver) return;
      const id = toText(fields['command_uuid']);
      const read = id === null ? undefined : handedOver.get(id);
      if (id === null || read === undefined) return;
      read.resolve();
      if (fields['state'] !== 'started' || takenUp.has(id)) return;
      takenUp.add(id);
      onTakenUp(id);
    },
    get isHeard() {
      return handedOver.size === takenUp.size;
    },
  };
}
