const [QUOTE, BACKSLASH, COMMA, COLON] = [...Buffer.from('"\\,:')] as [number, number, number, number];
const OPENING = new Set(Buffer.from('{['));
const CLOSING = new Set(Buffer.from('}]'));

/**
 * Returns a JSON object with some of its members set to other values, or left out where the value is undefined, as
 * parts to concatenate. Every other byte stays the sender's own: rewritten, numbers would get JavaScript's form, and
 * the provider's prompt cache would not recognize the prompt. The body must be valid; a member that occurs twice is set
 * twice.
 */
export function withMembers(
  body: Buffer | readonly Buffer[],
  members: Readonly<Record<string, unknown>>,
): readonly Buffer[] {
  const json = Buffer.isBuffer(body) ? body : joinParts(body);
  const { openedAt, closedAt, found } = findMembers(json);
  const present = new Set(found.map(({ name }) => name));
  const added = Object.entries(members).filter(([name, value]) => value !== undefined && !present.has(name));
  const slices = added.map(([name, value]): Buffer[] => [
    Buffer.from(`${JSON.stringify(name)}:${JSON.stringify(value)}`),
  ]);
  for (const { name, start, valueStart, end } of found) {
    if (!Object.hasOwn(members, name)) slices.push([json.subarray(start, end)]);
    else if (members[name] !== undefined) {
      slices.push([json.subarray(start, valueStart), Buffer.from(JSON.stringify(members[name]))]);
    }
  }
  const parts = slices.flatMap((slice, index) => (index === 0 ? slice : [Buffer.from(','), ...slice]));
  // The content of an empty object is white space.
  const rest = json.subarray(found.length === 0 ? openedAt : closedAt);
  return [json.subarray(0, openedAt), ...parts, rest].filter((part) => part.length > 0);
}

interface FoundMember {
  readonly name: string;
  /** Including the white space before its name. */
  readonly start: number;
  /** After the colon. */
  readonly valueStart: number;
  /** Including the white space after its value. */
  readonly end: number;
}

/** Finds the members of the outermost object. */
function findMembers(json: Buffer): { openedAt: number; closedAt: number; found: FoundMember[] } {
  const found: FoundMember[] = [];
  let openedAt = 0;
  let closedAt = json.length;
  let depth = 0;
  let name: string | null = null;
  let start = 0;
  let valueStart = 0;
  const endMember = (end: number): void => {
    if (name !== null) found.push({ name, start, valueStart, end });
    name = null;
    start = end + 1;
  };
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number;
    if (byte === QUOTE) {
      const end = findStringEnd(json, at);
      // Decoded like a JSON reader, because a name may contain escapes.
      if (depth === 1 && name === null) name = JSON.parse(json.toString('utf8', at, end)) as string;
      at = end - 1;
    } else if (OPENING.has(byte)) {
      depth++;
      if (depth === 1) start = openedAt = at + 1;
    } else if (CLOSING.has(byte)) {
      if (depth === 1) endMember((closedAt = at));
      depth--;
    } else if (depth === 1 && byte === COLON) {
      valueStart = at + 1;
    } else if (depth === 1 && byte === COMMA) {
      endMember(at);
    }
  }
  return { openedAt, closedAt, found };
}

/** Returns the end of the string that begins at `start`, including its last quote. */
export function findStringEnd(json: Buffer, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  return json.length;
}

function joinParts([first, ...others]: readonly Buffer[]): Buffer {
  return first !== undefined && others.length === 0
    ? first
    : Buffer.concat(first === undefined ? [] : [first, ...others]);
}
