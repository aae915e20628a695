/** The words of a run's text, as one reader received them. */
export interface WordsJudgment {
  /** Words that are missing from the text. */
  readonly lost: number;
  /** Words that occur in the text again after their first occurrence. */
  readonly doubled: number;
}

/** Compares a text with the words `w0` to `wN`, of which each belongs in it once. */
export function judgeWords(text: string, count: number): WordsJudgment {
  const numbers = readWords(text);
  const distinct = new Set(numbers.filter((number) => number < count));
  return { lost: count - distinct.size, doubled: numbers.length - new Set(numbers).size };
}

/** Returns the numbers of the words in a text, in their order. */
export function readWords(text: string): number[] {
  return [...text.matchAll(/\bw(\d+)\b/g)].map(([, number]) => Number(number));
}
