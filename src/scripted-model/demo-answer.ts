import { plural } from '../core/plural.ts';

/** A file in the form of the Read tool's result. */
export interface SeenFile {
  readonly path: string;
  /** Null when the file could not be read. */
  readonly lines: readonly string[] | null;
}

interface Seen {
  readonly prompt: string;
  /** Null when the workspace could not be listed. */
  readonly found: { readonly paths: readonly string[]; readonly count: number } | null;
  readonly files: readonly SeenFile[];
}

const MAX_NAMED = 8;
/** In other files a line that begins with `#` is a comment. */
const IS_PROSE = /readme|\.(md|mdx|txt)$/i;
const SOURCE =
  'Claude Code itself ran these steps with its own tools, and every name, number and quotation above is what the ' +
  'tools returned. ';
const CLOSING = 'No provider was asked: a scripted model wrote these words.';

/** Describes the results of the demo's tools for a person. */
export function describeWorkspace({ prompt, found, files }: Seen): string {
  const asked = shorten(toOneLine(prompt), 120);
  const opening =
    asked === '' ? 'You asked for nothing in particular.' : `You asked: “${asked}”${/[.!?…]$/.test(asked) ? '' : '.'}`;
  const parts = [
    `${opening} ${describeListing(found)}`,
    files.map(describeFile).join('\n'),
    found === null ? CLOSING : SOURCE + CLOSING,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function describeListing(found: Seen['found']): string {
  if (found === null) return 'I could not list the workspace with the tools I was given, so I know nothing about it.';
  if (found.count === 0) return 'I looked through the workspace, and it is empty.';
  if (found.paths.length === 0)
    return `The workspace holds ${plural(found.count, 'file')}, none of them its own: they are hidden or installed.`;
  const named = found.paths.slice(0, MAX_NAMED).map(toOneLine);
  const more = found.count > named.length ? `, and ${found.count - named.length} more` : '';
  return `I looked through the workspace and found ${plural(found.count, 'file')}: ${named.join(', ')}${more}.`;
}

function describeFile({ path, lines }: SeenFile): string {
  const name = toOneLine(path);
  if (lines === null) return `- ${name} could not be read.`;
  if (lines.length === 0) return `- ${name} has no lines I could read.`;
  const heading = IS_PROSE.test(path) ? findHeading(lines) : null;
  const sentence = findFirstSentence(lines);
  return [
    `- ${name} has ${plural(lines.length, 'line')}.`,
    ...(heading === null ? [] : [`Its heading is “${heading}”.`]),
    ...(sentence === null ? [] : [`It begins: “${sentence}”`]),
  ].join(' ');
}

function findHeading(lines: readonly string[]): string | null {
  const heading = lines.find((line) => /^#{1,6} \S/.test(line));
  return heading === undefined ? null : shorten(toOneLine(heading.replace(/^#+/, '')), 80);
}

/** Returns the first sentence of the first paragraph, shortened if it is long. */
function findFirstSentence(lines: readonly string[]): string | null {
  const isOfParagraph = (line: string) => line.trim() !== '' && !/^(#{1,6} |---|```)/.test(line);
  const from = lines.findIndex(isOfParagraph);
  if (from === -1) return null;
  const rest = lines.slice(from);
  const end = rest.findIndex((line) => !isOfParagraph(line));
  const paragraph = toOneLine(rest.slice(0, end === -1 ? rest.length : end).join(' '));
  return shorten(/^.*?[.!?](?= |$)/.exec(paragraph)?.[0] ?? paragraph, 200);
}

/** Shortens by code point, because half an emoji could not be sent. */
function shorten(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** Replaces line breaks, other white space and control characters by single spaces. */
function toOneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}
