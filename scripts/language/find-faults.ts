import type { Prose } from './read-prose.ts';

export interface Fault {
  readonly line: number;
  readonly found: string;
  readonly advice: string;
}

/** No sentence begins with one of these, unless it asks a question: the reader would wait for its subject. */
const SENTENCE_OPENERS = /^(?:What|Whether|Who|Whose|Whoever|Those|Ones?)\b/;
/** No comment begins with one of these either: it has no subject of its own when it stands beside a name. */
const COMMENT_OPENERS = /^(?:It|All|How|Where)\b/;
const SUBJECT = 'begin with the subject, then an active verb';

const WORDS: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/\banew\b/i, 'again'],
  [/\bat work\b/i, 'running, in progress'],
  [/\b(?:is|are|be|was|were|been|gets?) told\b/i, 'name who reports or learns it: reports, receives, is notified'],
  [/\btold (?:of|by)\b/i, 'reported, notified'],
  [/\b(?:it|they|that|this) (?:is|was|are|were) said\b/i, 'reported, logged, shown'],
  [/\bsaid into\b/i, 'sent to'],
  [/\bof (?:its|their|his|one's|our|your) own\b/i, 'its own …, a separate …'],
  [/\b(?:whoever|whosoever)\b/i, 'name them: the caller, a client, an operator'],
  [/\bones? (?:that|who|which|without|with)\b/i, 'name the thing'],
  [/\bthose (?:that|who|which|with|without)\b/i, 'name the things'],
  [/\b(?:not|already|once|when it|until it) (?:is )?over\b(?! \d)/i, 'finished, unfinished'],
  [/\b(?:a|an|the|each|every|next|last|first|this|one|no) looks?\b/i, 'a poll, a check, a delivery'],
  [/\b(?:to|could|can|may) be had\b/i, 'available'],
  [/\bpass(?:ed|es)? (?:\w+ ){0,3}by\b(?! (?:value|reference|name))/i, 'rejected, skipped'],
  [/\bas who\b/i, 'name it'],
];

/** The words, wherever a line breaks between them. */
const PATTERNS = WORDS.map(
  ([{ source, flags }, advice]) => [new RegExp(source.replaceAll(' ', String.raw`\s+`), flags), advice] as const,
);

/** Finds the sentences of a piece of prose that do not begin with their subject, and words that this project does not use. */
export function findFaults(prose: Prose): Fault[] {
  const faults: Fault[] = [];
  const add = (offset: number, found: string, advice: string) =>
    faults.push({ line: prose.line + countLines(prose.text.slice(0, offset)), found, advice });

  if (prose.kind === 'title') {
    const opener = /^(?:what|whether|who|whose|whoever|those|ones?)\b/i.exec(prose.text);
    if (opener !== null) add(0, opener[0], SUBJECT);
  } else if (prose.kind !== 'heading') {
    for (const { offset, sentence } of toSentences(prose.text)) {
      const isFirst = offset === 0;
      const opener =
        SENTENCE_OPENERS.exec(sentence) ??
        (isFirst && prose.kind === 'comment' ? COMMENT_OPENERS.exec(sentence) : null);
      if (opener !== null && !sentence.trimEnd().endsWith('?')) add(offset, opener[0], SUBJECT);
    }
  }
  for (const [pattern, advice] of PATTERNS) {
    const match = pattern.exec(prose.text);
    if (match !== null) add(match.index, match[0], advice);
  }
  return faults;
}

function toSentences(text: string): { offset: number; sentence: string }[] {
  const sentences = [];
  let offset = 0;
  for (const match of text.matchAll(/[.!?:;]\s+(?=[A-Z`])/g)) {
    sentences.push({ offset, sentence: text.slice(offset, match.index + 1) });
    offset = match.index + match[0].length;
  }
  sentences.push({ offset, sentence: text.slice(offset) });
  return sentences;
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}
