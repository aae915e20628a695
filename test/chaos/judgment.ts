/** What was found of one thing that has to hold. */
export interface Judgment {
  /** What has to hold, as a sentence. */
  readonly claim: string;
  /** How many were looked at. */
  readonly checked: number;
  /** Each that does not hold. Empty: it holds. */
  readonly problems: readonly string[];
  /** What else there is to know, or nothing. */
  readonly note?: string;
}

/** Looks at each of `items` and gathers what is wrong with it. */
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
