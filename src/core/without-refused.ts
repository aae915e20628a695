/** A line of Claude Code's transcript, read as untyped data, so that a new version costs at most an entry. */
type Entry = Readonly<Record<string, unknown>>;

/** Statuses of a request that the provider rejects every time: it is invalid, or too large. */
const REFUSED_STATUSES = [400, 413, 422];

/** Replaces the result of a tool in a refused request. The tool itself has run. */
export const RESULT_LEFT_OUT =
  '[The tool has run. Its result is left out: the model provider refused the request that held it.]';

/**
 * Returns a conversation as the next run sends it: without the parts that the provider refused. Sent again, they would
 * be refused again, and so would every later run and every fork. A refused request contained everything since the
 * model's last answer: its prompts are left out, and its tool results are replaced by a text, because each use of a
 * tool needs a result.
 */
export function withoutRefused(entries: readonly Entry[]): Entry[] {
  const kept: Entry[] = [];
  /** Replacement of each left-out entry, for entries that name it as their parent. */
  const parents = new Map<string, unknown>();
  for (const entry of entries) {
    const parent = entry['parentUuid'];
    const moved =
      typeof parent === 'string' && parents.has(parent) ? { ...entry, parentUuid: parents.get(parent) } : entry;
    if (!isRefusal(entry)) {
      kept.push(moved);
      continue;
    }
    const refused = [...kept.splice(findLastAnswer(kept)), moved];
    for (const one of refused) {
      const place = one['parentUuid'];
      const own = typeof place === 'string' && parents.has(place) ? { ...one, parentUuid: parents.get(place) } : one;
      const stays = isAnswer(own) ? own : withoutResults(own);
      if (stays !== null) kept.push(stays);
      else if (typeof own['uuid'] === 'string') parents.set(own['uuid'], own['parentUuid'] ?? null);
    }
  }
  return kept;
}

/**
 * Finds where the model's last answer begins: each of its blocks is an entry, and tool results may stand between them.
 */
function findLastAnswer(entries: readonly Entry[]): number {
  let begins = 0;
  let id: unknown;
  for (let index = entries.length - 1; index >= 0; index--) {
    if (!isAnswer(entries[index]!)) continue;
    const itsId = toFields(entries[index]!['message'])['id'];
    if (id !== undefined && itsId !== id) break;
    id = itsId;
    begins = index;
  }
  return begins;
}

function isAnswer(entry: Entry): boolean {
  return entry['type'] === 'assistant' && toFields(entry['message'])['model'] !== '<synthetic>';
}

function isRefusal(entry: Entry): boolean {
  return entry['isApiErrorMessage'] === true && REFUSED_STATUSES.includes(entry['apiErrorStatus'] as number);
}

/** Replaces the results in an entry; returns null when it has none. */
function withoutResults({ toolUseResult: _structured, ...entry }: Entry): Entry | null {
  const message = toFields(entry['message']);
  const content: unknown[] = Array.isArray(message['content']) ? message['content'] : [];
  const results = content.map(toFields).filter(({ type }) => type === 'tool_result');
  if (entry['type'] !== 'user' || results.length === 0) return null;
  return {
    ...entry,
    message: { ...message, content: results.map((result) => ({ ...result, content: RESULT_LEFT_OUT })) },
  };
}

function toFields(value: unknown): Entry {
  return typeof value === 'object' && value !== null ? (value as Entry) : {};
}
