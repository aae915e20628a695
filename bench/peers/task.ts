/**
 * The kinds of runs. `say`: a short answer; `refuse`: the provider refuses the key; `talk`: a long text, for many readers;
 * `work`: turns with text and a tool call; `loop`: turns without end; `spend`: an answer that costs more than its ceiling.
 */
const KINDS = ['say', 'refuse', 'talk', 'work', 'loop', 'spend'] as const;

export interface Task {
  readonly kind: (typeof KINDS)[number];
  /** Distinguishes the runs of a kind. */
  readonly name: string;
}

/** The prompt of a run. */
export function toPrompt({ kind, name }: Task): string {
  return `Please do task ${kind} ${name}.`;
}

/** Reads the task from a prompt; null when it has none. */
export function parseTask(prompt: string): Task | null {
  const [, word, name = ''] = /task ([a-z]+) ([\w-]+)\./.exec(prompt) ?? [];
  const kind = KINDS.find((known) => known === word);
  return kind === undefined ? null : { kind, name };
}

/** Returns words that each occur once in a run's text: `w7 w8 `. */
export function wordsOf(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `w${from + index} `);
}
