/**
 * Bounds of an answer, far above what a model writes. A larger answer is not a real one, and would block the worker.
 */
export const ANSWER_BOUNDS = {
  lineBytes: 4_000_000,
  blockCharacters: 1_000_000,
  answerBytes: 32_000_000,
};

/** A longer line is passed on only when it is complete and the meter has read it. */
const LONG_LINE_BYTES = 64_000;

/** Decides which parts of an answer are passed on to the agent's process. */
export interface AnswerGuard {
  /** Takes the next bytes, which may break anywhere. */
  take(chunk: Buffer): Passed;
  /** True when the whole answer has arrived, so that its end is expected. */
  readonly isComplete: boolean;
  /** True when the provider has ended the answer with an error. Nothing is passed on after that. */
  readonly hasFailed: boolean;
  /** The bound that the answer has broken, in words, or null. Nothing is passed on after that. */
  readonly excess: string | null;
}

/** The bytes to pass on: immediately, and after the meter has read them. */
interface Passed {
  readonly now: readonly Buffer[];
  readonly later: readonly Buffer[];
}

const LINE_FEED = 0x0a;
const NOTHING: Passed = { now: [], later: [] };

/** Length of the longest line that is searched for, with its end. */
const HEAD_BYTES = 'event: message_delta\r\n'.length;

/** Events after which Claude Code has the complete answer: its last count, and its end. */
const LAST_EVENTS: ReadonlySet<string | undefined> = new Set(['message_delta', 'message_stop']);

/**
 * Creates a guard for one answer. An `error` event in the first block costs the whole attempt, and so does a stream
 * that ends too early in good order: Claude Code sends the request again only when the connection breaks (measured,
 * 2.1.330). So the guard does not pass on an `error` event, and its caller breaks the connection there. For that the
 * guard holds back the possible first line of such an event, at most 12 bytes.
 */
export function createAnswerGuard(contentType: string): AnswerGuard {
  const isStream = contentType.includes('text/event-stream');
  let answerBytes = 0;
  let lineBytes = 0;
  /** The beginning of the current line. */
  let head = '';
  /** The bytes of the current line that were not passed on. */
  let withheld: Buffer[] = [];
  let isComplete = !isStream;
  let hasFailed = false;
  let excess: string | null = null;

  /** Takes a part of a line, or all of it. Returns what to do with it. */
  function takeOfLine(part: Buffer): 'pass' | 'withhold' | 'stop' {
    lineBytes += part.length;
    if (lineBytes > ANSWER_BOUNDS.lineBytes) {
      excess = `a line of more than ${ANSWER_BOUNDS.lineBytes} bytes`;
      return 'stop';
    }
    if (head.length < HEAD_BYTES) head += part.toString('latin1', 0, HEAD_BYTES - head.length);
    if (part.at(-1) !== LINE_FEED) return isBeginOfError(head) || lineBytes > LONG_LINE_BYTES ? 'withhold' : 'pass';
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
      const withheldBefore = withheld;
      const isLong = Math.max(lineBytes, chunk.length) > LONG_LINE_BYTES;
      withheld = [];
      let passedTo = 0;
      let isLineWithheld = withheldBefore.length > 0;
      while (passedTo < chunk.length) {
        const lineFeed = chunk.indexOf(LINE_FEED, passedTo);
        const end = lineFeed === -1 ? chunk.length : lineFeed + 1;
        const outcomes = takeOfLine(chunk.subarray(passedTo, end));
        if (outcomes === 'withhold') {
          if (isLineWithheld) withheld = withheldBefore;
          withheld.push(chunk.subarray(passedTo));
        }
        if (outcomes !== 'pass') break;
        isLineWithheld = false;
        passedTo = end;
      }
      const passed = [
        ...(isLineWithheld ? [] : withheldBefore),
        ...(passedTo === 0 ? [] : [chunk.subarray(0, passedTo)]),
      ];
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

/** Returns whether an incomplete line may still become `event: error`. */
function isBeginOfError(head: string): boolean {
  return 'event: error\r'.startsWith(head) || 'event:error\r'.startsWith(head);
}
