import { toVisible } from '../../../ui/text/to-visible.ts';

/** Most telling input fields of a tool use. The first that exists is shown. */
const TELLING = [
  'file_path',
  'notebook_path',
  'command',
  'pattern',
  'url',
  'query',
  'description',
  'prompt',
  'path',
  'skill',
] as const;

const LONGEST = 200;

/** Describes the input of a tool use on one line: the file it reads, the command it runs. */
export function describeInput(input: unknown): string {
  if (typeof input === 'string') return toLine(input);
  if (typeof input !== 'object' || input === null) return '';
  const fields = input as Readonly<Record<string, unknown>>;
  const name = TELLING.find((key) => typeof fields[key] === 'string' && fields[key] !== '');
  if (name !== undefined) return toLine(fields[name] as string);
  return Object.keys(fields).length === 0 ? '' : toLine(JSON.stringify(fields).slice(0, LONGEST * 2));
}

/** Describes the result on one line. */
export function describeResult(content: string): string {
  const lines = content.split('\n', 5_000).length;
  if (content.trim() === '') return 'no output';
  return lines === 1 ? toLine(content.slice(0, 120)) : `${lines} lines`;
}

function toLine(text: string): string {
  return toVisible(text.slice(0, LONGEST * 2).replaceAll(/\s+/g, ' '))
    .trim()
    .slice(0, LONGEST);
}

/** Returns the texts before and after an edit; null for tools that do not edit. */
export function toEdit(name: string, input: unknown): { before: string; after: string } | null {
  if (typeof input !== 'object' || input === null) return null;
  const { old_string, new_string, content, edits } = input as Record<string, unknown>;
  if (typeof old_string === 'string' && typeof new_string === 'string')
    return { before: old_string, after: new_string };
  if (name === 'Write' && typeof content === 'string') return { before: '', after: content };
  if (Array.isArray(edits)) {
    const parts = edits.map((edit) => toEdit(name, edit)).filter((edit) => edit !== null);
    const join = (side: 'before' | 'after') => parts.map((part) => part[side]).join('\n…\n');
    return parts.length === 0 ? null : { before: join('before'), after: join('after') };
  }
  return null;
}
