import { toFields } from '../../core/untyped.ts';

interface ReplaceOptions {
  readonly name: string;
  /** The tool's output as Claude Code's hooks report it. */
  readonly response: unknown;
  readonly text: string;
}

export interface ReplacedOutput {
  readonly output: unknown;
  /** A text to add beside the output. */
  readonly context?: string;
}

/**
 * Replaces a tool's output with a text. Claude Code accepts an output only in the tool's own form, and silently keeps
 * the original otherwise (measured). So tools with a known form get the text in its text field; for any other tool,
 * every text is removed and ours goes beside the output.
 */
export function replaceToolOutput({ name, response, text }: ReplaceOptions): ReplacedOutput {
  const fields = toFields(response);
  // The tools of an MCP server accept a plain text.
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

/** Texts that distinguish the forms of one output. */
const FORM_FIELDS = new Set(['type', 'mode', 'status']);

function blank(value: unknown, field = ''): unknown {
  if (typeof value === 'string') return FORM_FIELDS.has(field) ? value : '';
  if (Array.isArray(value)) return value.map((item) => blank(item, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, blank(item, key)]));
}
