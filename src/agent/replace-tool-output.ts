import { toFields } from '../core/untyped.ts';

interface ReplaceOptions {
  readonly name: string;
  /** What the tool gave, as Claude Code's hooks tell it. */
  readonly response: unknown;
  readonly text: string;
}

export interface ReplacedOutput {
  readonly output: unknown;
  /** What goes beside it. */
  readonly context?: string;
}

/**
 * A tool's output with a text in its place. Claude Code takes one only in the tool's own form, and keeps the original
 * without a word when it is another (measured): so the tools whose form is known get the text where they have theirs,
 * and of any other every text is taken out, and ours goes beside it.
 */
export function replaceToolOutput({ name, response, text }: ReplaceOptions): ReplacedOutput {
  const fields = toFields(response);
  // A server's tools take a text as it is.
  if (name.startsWith('mcp__') || typeof response === 'string') return { output: text };
  if (name === 'Bash' && 'stdout' in fields) {
    return { output: { ...(blank(fields) as object), stdout: text, isImage: false } };
  }
  if (name === 'Read' && 'file' in fields) {
    const lines = text.split('\n').length;
    const { filePath = '' } = toFields(fields['file']);
    return {
      output: { type: 'text', file: { filePath, content: text, numLines: lines, startLine: 1, totalLines: lines } },
    };
  }
  if (name === 'Grep' && 'filenames' in fields) {
    const lines = text.split('\n').length;
    return { output: { mode: 'content', numFiles: 0, filenames: [], content: text, numLines: lines } };
  }
  return { output: blank(response), context: text };
}

/** Texts that tell forms of one output apart. */
const FORM_FIELDS = new Set(['type', 'mode', 'status']);

function blank(value: unknown, field = ''): unknown {
  if (typeof value === 'string') return FORM_FIELDS.has(field) ? value : '';
  if (Array.isArray(value)) return value.map((item) => blank(item, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, blank(item, key)]));
}
