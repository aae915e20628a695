/** A message of an event stream. */
export interface StreamMessage {
  /** The last id that the stream named, or the empty text. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface EventStreamParser {
  /** Takes the next text, cut anywhere, and returns the messages that became complete. */
  push(text: string): StreamMessage[];
  /** The last id of a complete block, including a block without data, which is no message; or the empty text. */
  readonly lastId: string;
}

/**
 * Creates a parser of `text/event-stream` (WHATWG HTML, 9.2.6) that reads text piece by piece. A message cut off at the
 * end is never returned.
 */
export function createEventStreamParser(): EventStreamParser {
  let unfinishedLine = '';
  let endedInCarriageReturn = false;
  let id = '';
  let lastId = '';
  let event = '';
  let data: string[] = [];

  function takeLine(line: string): StreamMessage | null {
    if (line === '') return takeMessage();
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    return null; // A comment, whose field is empty, `retry`, or a field of a later day.
  }

  function takeMessage(): StreamMessage | null {
    const message = data.length === 0 ? null : { id, event: event === '' ? 'message' : event, data: data.join('\n') };
    lastId = id;
    event = '';
    data = [];
    return message;
  }

  return {
    push(text) {
      if (text === '') return [];
      // CR and LF are one line break, also when they arrive in two pieces.
      const added = endedInCarriageReturn && text.startsWith('\n') ? text.slice(1) : text;
      endedInCarriageReturn = text.endsWith('\r');
      const lines = (unfinishedLine + added).split(/\r\n|\n|\r/);
      unfinishedLine = lines.pop() ?? '';
      return lines.map(takeLine).filter((message) => message !== null);
    },
    get lastId() {
      return lastId;
    },
  };
}
