import { toTerminalLine } from './terminal-text.ts';

/** An agent's questions, each on a line with the answers it offers; safe for a terminal. */
export function describeQuestions(input: unknown): string[] {
  return toQuestions(input).map(({ question, labels }) => {
    const offered = labels.length === 0 ? '' : `  (${labels.map(toTerminalLine).join(' · ')})`;
    return `${toTerminalLine(question)}${offered}`;
  });
}

/** The questions that `AskUserQuestion` was used with. */
export function toQuestions(input: unknown): { question: string; labels: string[] }[] {
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
