import type { EventData } from '../core/events.ts';
import { toTerminalLine } from './terminal-text.ts';

/** The inputs that describe a tool use best, in order of preference. */
const TELLING_INPUTS = [
  'file_path',
  'notebook_path',
  'command',
  'pattern',
  'url',
  'query',
  'description',
  'prompt',
  'path',
];

const REMINDER = /<system-reminder>[^]*?<\/system-reminder>/g;
/** Read shows the line break at a file's end as another line, a number without text. */
const NUMBER_OF_NO_LINE = /\n *\d+[\t→]\s*$/;
const LONGEST_RESULT_SHOWN = 60;

/**
 * Summarizes the input of a tool on one line: the file it reads, the command it runs. Paths within `cwd` are shortened.
 */
export function describeToolInput(input: unknown, cwd: string): string {
  if (typeof input === 'string') return toTerminalLine(input);
  if (typeof input !== 'object' || input === null) return '';
  const fields = input as Readonly<Record<string, unknown>>;
  const name = TELLING_INPUTS.find((key) => typeof fields[key] === 'string' && fields[key] !== '');
  if (name !== undefined) return toTerminalLine(shorten(String(fields[name]), cwd));
  return Object.keys(fields).length === 0 ? '' : toTerminalLine(JSON.stringify(fields));
}

/** Summarizes the result of a tool on one line: the result itself if it is short, else its length. */
export function describeToolResult(
  { content, isError, isTruncated }: EventData['agent.tool_result'],
  cwd: string,
): string {
  const text = content.replaceAll(REMINDER, '').replace(NUMBER_OF_NO_LINE, '').trim();
  if (isError) return toTerminalLine(text.replace(/<\/?tool_use_error>/g, '')) || 'failed';
  if (text === '') return 'no output';
  const lines = text.split('\n').length;
  if (isTruncated === true) return `more than ${lines} lines`;
  const line = toTerminalLine(shorten(text, cwd));
  return lines === 1 && line.length <= LONGEST_RESULT_SHOWN ? line : `${lines} ${lines === 1 ? 'line' : 'lines'}`;
}

function shorten(text: string, cwd: string): string {
  return cwd !== '' && text.startsWith(`${cwd}/`) ? text.slice(cwd.length + 1) : text;
}
