const [QUOTE, BACKSLASH, COMMA, COLON] = [...Buffer.from('"\\,:')] as [number, number, number, number];
const OPENING = new Set(Buffer.from('{['));
const CLOSING = new Set(Buffer.from('}]'));

/**
 * A JSON object with some of its members set to other values, in parts that make it up together. Every other byte is
 * the sender's own: written anew, numbers would come out as JavaScript holds them, and the provider's prompt cache
 * would not know the prompt again. `json` must be valid; a member that stands in it twice is set twice.
 */
export function withMembers(json: Buffer, members: Readonly<Record<string, unknown>>): readonly Buffer[] {
  const { openedAt, isEmpty, values } = findValues(json, members);
  const parts: Buffer[] = [json.subarray(0, openedAt)];
  const present = new Set(values.map(({ name }) => name));
  const missing = Object.keys(members).filter((name) => !present.has(name));
  const added = missing.map((name) => `${JSON.stringify(name)}:${JSON.stringify(members[name])}`).join(',');
  parts.push(Buffer.from(added === '' || isEmpty ? added : `${added},`));
  let from = openedAt;
  for (const { name, start, end } of values) {
    parts.push(json.subarray(from, start), Buffer.from(JSON.stringify(members[name])));
    from = end;
  }
  parts.push(json.subarray(from));
  return parts.filter((part) => part.length > 0);
}

interface FoundValue {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Where the values of the outermost object's members stand that are among `members`. */
function findValues(json: Buffer, members: object): { openedAt: number; isEmpty: boolean; values: FoundValue[] } {
  const values: FoundValue[] = [];
  let openedAt = 0;
  let depth = 0;
  let isEmpty = true;
  let name: string | null = null;
  let start = -1;
  const endValue = (end: number): void => {
    if (name !== null && Object.hasOwn(members, name)) values.push({ name, start, end });
    name = null;
  };
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number;
    if (byte === QUOTE) {
      const end = findStringEnd(json, at);
      // As a reader takes it: a name may be spelled with escapes.
      if (depth === 1 && name === null) name = JSON.parse(json.toString('utf8', at, end)) as string;
      isEmpty = false;
      at = end - 1;
    } else if (OPENING.has(byte)) {
      depth++;
      if (depth === 1) openedAt = at + 1;
    } else if (CLOSING.has(byte)) {
      if (depth === 1) endValue(at);
      depth--;
    } else if (depth === 1 && byte === COLON) {
      start = at + 1;
    } else if (depth === 1 && byte === COMMA) {
      endValue(at);
    }
  }
  return { openedAt, isEmpty, values };
}

/** Where the string that begins at `start` ends, its last quote included. */
function findStringEnd(json: Buffer, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    let first = at;
    while (json[first - 1] === BACKSLASH) first--;
    // A quote belongs to the text when an odd number of backslashes stands before it.
    if ((at - first) % 2 === 0) return at + 1;
  }
  return json.length;
}
