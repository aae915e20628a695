/** The finding about one condition. */
export interface Judgment {
  /** The condition, as a sentence. */
  readonly claim: string;
  /** Number of items checked. */
  readonly checked: number;
  /** Violations. Empty when the condition holds. */
  readonly problems: readonly string[];
  /** Additional information, or nothing. */
  readonly note?: string;
}

/** Checks each of `items` and collects its faults. */
export function judgeEach<T>(
  claim: string,
  { items, findProblem, note }: { items: Iterable<T>; findProblem: (item: T) => string | null; note?: string },
): Judgment {
  const all = [...items];
  const problems = all.map(findProblem).filter((problem) => problem !== null);
  return { claim, checked: all.length, problems, ...(note !== undefined && { note }) };
}

/** `3 failed, 17 succeeded` */
export function countBy(values: Iterable<string>): string {
  const groups = [...Map.groupBy(values, (value) => value)].sort(([a], [b]) => a.localeCompare(b));
  return groups.map(([value, { length }]) => `${length} ${value}`).join(', ');
}
