import { createReadStream } from 'node:fs';

/** A name of Anthropic's in today's form, such as `claude-opus-4-8`, without a date. */
const NAME = /\bclaude-[a-z]+-\d{1,2}(?:-\d{1,2})?(?![\d-]*\d)/g;

/** Longer than any name: a name may lie across the end of a piece. */
const OVERLAP = 64;

/** The name of a model is in several tables; names in examples appear less often. */
const SEVERAL = 5;

/** Finds the names of models in an executable, which contains its code as text. */
export async function findModelNames(executable: string): Promise<string[]> {
  const counts = new Map<string, number>();
  let rest = '';
  for await (const piece of createReadStream(executable, { encoding: 'latin1', highWaterMark: 1 << 22 })) {
    const text = rest + String(piece);
    for (const { 0: name, index } of text.matchAll(NAME)) {
      // The rest of the piece before is counted already.
      if (index + name.length > rest.length) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    rest = text.slice(-OVERLAP);
  }
  return [...counts].flatMap(([name, count]) => (count < SEVERAL ? [] : [name])).sort();
}
