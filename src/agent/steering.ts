import { inBackground } from '../core/guard.ts';
import { settlesWithin } from '../core/settles-within.ts';
import { toFields, toText } from '../core/untyped.ts';

/** How long a tool waits at most until Claude Code has read what was said; it takes about 5 ms. */
const READ_TIMEOUT_MS = 500;

/** Something said into a conversation while the model is at work. */
export interface SteeringMessage {
  /** A UUID, kept with it in the transcript. */
  readonly id: string;
  readonly text: string;
}

interface Target {
  readonly tell: (message: SteeringMessage) => void;
  /** Whether a tool is at work: then the model is asked again when it is done. */
  readonly isAtTool: () => boolean;
}

/** Says things into a conversation at work, where the model takes them up in the same turn. */
export interface Steering {
  /** At once while a tool is at work, else when the next begins: never, when none does. */
  say(message: SteeringMessage): void;
  /** Gives it the process to speak to. */
  attach(target: Target): void;
  /** A tool is about to begin. Resolves when Claude Code has read what waits to be said. */
  toolBegins(): Promise<void>;
  hear(message: unknown): void;
  /** Whether Claude Code has taken up all that was handed over. */
  readonly isHeard: boolean;
}

/**
 * Claude Code puts what it is told in a queue of its own and takes it up when a tool is done (measured: told by
 * `command_lifecycle` `started`, just before the next request). In the middle of an answer it would keep it until the
 * result, and then begin a turn of its own, with a result of its own. So nothing is handed over there: what no tool came
 * for has never reached Claude Code, and can be a run of its own. What is taken up after the result does not count.
 */
export function createSteering({ onTakenUp }: { onTakenUp: (id: string) => void }): Steering {
  const waiting: SteeringMessage[] = [];
  /** Those handed over, with who waits for them to be read. */
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
