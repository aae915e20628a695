/** A question of the agent, in the input of `AskUserQuestion`. */
export interface Question {
  readonly question: string;
  readonly header: string | null;
  readonly isMultiple: boolean;
  readonly options: readonly { readonly label: string; readonly description: string | null }[];
}

/** Reads the questions from a tool's input, which a model wrote. Invalid parts are skipped. */
export function toQuestions(input: unknown): Question[] {
  const list = read(input, 'questions');
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    const question = readText(entry, 'question');
    if (question === null) return [];
    const options = read(entry, 'options');
    return [
      {
        question,
        header: readText(entry, 'header'),
        isMultiple: read(entry, 'multiSelect') === true,
        options: (Array.isArray(options) ? options : []).flatMap((option: unknown) => {
          const label = readText(option, 'label');
          return label === null ? [] : [{ label, description: readText(option, 'description') }];
        }),
      },
    ];
  });
}

function read(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function readText(value: unknown, key: string): string | null {
  const text = read(value, key);
  return typeof text === 'string' && text !== '' ? text : null;
}
