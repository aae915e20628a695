import { findSecrets } from '../../core/find-secrets.ts';
import { toStorable } from '../../core/text.ts';
import { toFields, toList, toText } from '../../core/untyped.ts';

/** Characters of a tool's result that an event keeps. */
const MAX_CHARACTERS = 8_000;

/** Longer than any key but a private one, which is found without its end. */
const LONGEST_KEY = 4_096;

/** Describes a tool's result for an event: its text, cut at 8,000 characters, with anything else named in brackets. */
export function describeContent(content: unknown): { content: string; isTruncated?: true } {
  const text = toText(content) ?? toList(content).map(describeBlock).join('\n');
  if (text.length <= MAX_CHARACTERS) return { content: toStorable(text) };
  return { content: toStorable(text.slice(0, findCut(text))), isTruncated: true };
}

function describeBlock(value: unknown): string {
  const block = toFields(value);
  const type = toText(block['type']) ?? typeof value;
  if (type === 'text') return toText(block['text']) ?? '';
  const source = toFields(block['source']);
  const mediaType = toText(source['media_type']);
  const base64Length = toText(source['data'])?.length;
  const details = [
    ...(mediaType === null ? [] : [mediaType]),
    ...(base64Length === undefined ? [] : [`${Math.floor((base64Length * 3) / 4)} bytes`]),
  ];
  return `[${[type, details.join(', ')].filter((part) => part !== '').join(': ')}]`;
}

/** Finds a cut that does not split a surrogate pair, or a key: half a key would not be recognized and masked. */
function findCut(text: string): number {
  const end = endOfWholeCharacters(text);
  const found = findSecrets(text.slice(0, end + LONGEST_KEY));
  return found.find((secret) => secret.start < end && secret.end > end)?.start ?? end;
}

function endOfWholeCharacters(text: string): number {
  const codeUnit = text.charCodeAt(MAX_CHARACTERS - 1);
  const isHighSurrogate = codeUnit >= 0xd800 && codeUnit <= 0xdbff;
  return isHighSurrogate ? MAX_CHARACTERS - 1 : MAX_CHARACTERS;
}
