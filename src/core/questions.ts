import { toFields, toList, toText } from './untyped.ts';

/** A question of the agent's, with the answers it offers. */
export interface Question {
  readonly question: string;
  readonly labels: readonly string[];
}

/** Returns the questions in the input of `AskUserQuestion`; skips entries that are not questions. */
export function toQuestions(input: unknown): Question[] {
  return toList(toFields(input)['questions'])
    .map(toFields)
    .flatMap(({ question, options }) => {
      if (typeof question !== 'string') return [];
      const labels = toList(options).map((option) => toText(toFields(option)['label']));
      return [{ question, labels: labels.filter((label) => label !== null) }];
    });
}
