/** A question of the agent's, with the answers it offers. */
export interface Question {
  readonly question: string;
  readonly labels: readonly string[];
}

/** The questions that `AskUserQuestion` was used with; what is none is left out. */
export function toQuestions(input: unknown): Question[] {
  return toObjects(toField(input, 'questions')).flatMap((entry) => {
    const { question } = entry;
    if (typeof question !== 'string') return [];
    const labels = toObjects(entry['options']).map(({ label }) => label);
    return [{ question, labels: labels.filter((label) => typeof label === 'string') }];
  });
}

function toField(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function toObjects(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null);
}
