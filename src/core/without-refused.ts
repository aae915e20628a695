/** One line of Claude Code's transcript, read as untyped data: another version costs an entry at most. */
type Entry = Readonly<Record<string, unknown>>;

/** The provider will answer the same request in the same way: it is invalid, or too large. */
const REFUSED_STATUSES = [400, 413, 422];

/** What stands in place of a tool's result that was refused. The tool itself has run. */
export const RESULT_LEFT_OUT =
  '[The tool has run. Its result is left out: the model provider refused the request that held it.]';

/**
 * A conversation as the next run sends it: without what the provider has refused. Sent again, it would be refused again, and
 * so would every later run and every fork. A refused request held what had come since the model's last answer: prompts
 * among it are left out, and results of tools are replaced by a text, because each use of a tool needs one.
 */
export function withoutRefused(entries: readonly Entry[]): Entry[] {
  const kept: Entry[] = [];
  /** What takes the place of an entry that is left out, for those that name it as their parent. */
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

/** Where the model's last answer begins: each of its blocks is an entry, and results of tools may stand between them. */
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

/** An entry with the results in it replaced; null when it has none. */
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
