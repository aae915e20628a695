/** What an answer may hold. Far more than a model writes: beyond, it is no answer, and would hold the worker. */
export const ANSWER_BOUNDS = {
  lineBytes: 4_000_000,
  blockCharacters: 1_000_000,
  answerBytes: 32_000_000,
};

/** A longer line is passed on when all of it is there, and the meter has looked at it. */
const LONG_LINE_BYTES = 64_000;

/** Decides what of an answer is passed on to the agent's process. */
export interface AnswerGuard {
  /** Takes the next bytes: they may break anywhere. */
  take(chunk: Buffer): Passed;
  /** Whether all of the answer has come, so that its end is no surprise. */
  readonly isComplete: boolean;
  /** Whether the provider has ended the answer with an error. Nothing is passed on from there. */
  readonly hasFailed: boolean;
  /** Which bound the answer has broken, in words, or null. Nothing is passed on from there. */
  readonly excess: string | null;
}

/** What may be passed on: at once, and when the meter has looked at it. */
interface Passed {
  readonly now: readonly Buffer[];
  readonly later: readonly Buffer[];
}

const LINE_FEED = 0x0a;
const NOTHING: Passed = { now: [], later: [] };

/** The longest of the lines that are looked for, with its end. */
const HEAD_BYTES = 'event: message_delta\r\n'.length;

/** The events by which Claude Code has all of an answer: its last count, and its end. */
const LAST_EVENTS: ReadonlySet<string | undefined> = new Set(['message_delta', 'message_stop']);

/**
 * An `error` event within the first block costs the whole attempt, and so does a stream that ends too early with a good
 * end: Claude Code asks again only where the connection breaks (measured, 2.1.330). So an `error` event is not passed on,
 * and whoever passes the rest on breaks the connection there. Held back for that is what may be its first line, 12 bytes
 * at most.
 */
export function createAnswerGuard(contentType: string): AnswerGuard {
  const isStream = contentType.includes('text/event-stream');
  let answerBytes = 0;
  let lineBytes = 0;
  /** How the present line begins. */
  let head = '';
  /** What has come of the present line and was not passed on. */
  let held: Buffer[] = [];
  let isComplete = !isStream;
  let hasFailed = false;
  let excess: string | null = null;

  /** Takes a part of a line, or all of it. Says what becomes of it. */
  function takeOfLine(part: Buffer): 'pass' | 'hold' | 'stop' {
    lineBytes += part.length;
    if (lineBytes > ANSWER_BOUNDS.lineBytes) {
      excess = `a line of more than ${ANSWER_BOUNDS.lineBytes} bytes`;
      return 'stop';
    }
    if (head.length < HEAD_BYTES) head += part.toString('latin1', 0, HEAD_BYTES - head.length);
    if (part.at(-1) !== LINE_FEED) return isBeginOfError(head) || lineBytes > LONG_LINE_BYTES ? 'hold' : 'pass';
    const event = lineBytes <= HEAD_BYTES ? /^event: ?(.*?)\r?\n$/.exec(head)?.[1] : undefined;
    hasFailed = event === 'error';
    isComplete ||= LAST_EVENTS.has(event);
    head = '';
    lineBytes = 0;
    return hasFailed ? 'stop' : 'pass';
  }

  return {
    take(chunk) {
      if (excess !== null) return NOTHING;
      answerBytes += chunk.length;
      if (answerBytes > ANSWER_BOUNDS.answerBytes) {
        excess = `more than ${ANSWER_BOUNDS.answerBytes} bytes`;
        return NOTHING;
      }
      if (hasFailed) return NOTHING;
      if (!isStream) return { now: [chunk], later: [] };
      const heldBefore = held;
      const isLong = Math.max(lineBytes, chunk.length) > LONG_LINE_BYTES;
      held = [];
      let passedTo = 0;
      let isLineHeld = heldBefore.length > 0;
      while (passedTo < chunk.length) {
        const lineFeed = chunk.indexOf(LINE_FEED, passedTo);
        const end = lineFeed === -1 ? chunk.length : lineFeed + 1;
        const fate = takeOfLine(chunk.subarray(passedTo, end));
        if (fate === 'hold') {
          if (isLineHeld) held = heldBefore;
          held.push(chunk.subarray(passedTo));
        }
        if (fate !== 'pass') break;
        isLineHeld = false;
        passedTo = end;
      }
      const passed = [...(isLineHeld ? [] : heldBefore), ...(passedTo === 0 ? [] : [chunk.subarray(0, passedTo)])];
      return isLong ? { now: [], later: passed } : { now: passed, later: [] };
    },
    get isComplete() {
      return isComplete;
    },
    get hasFailed() {
      return hasFailed;
    },
    get excess() {
      return excess;
    },
  };
}

/** Whether a line that is not whole may yet be `event: error`. */
function isBeginOfError(head: string): boolean {
  return 'event: error\r'.startsWith(head) || 'event:error\r'.startsWith(head);
}
