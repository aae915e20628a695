import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** Reads the TypeScript examples, or those in another language, of a page such as `docs/agents.md`. */
export async function readExamples(page: string, language = 'ts'): Promise<string[]> {
  const text = await readFile(path.resolve(import.meta.dirname, '../..', page), 'utf8');
  const examples = text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'));
  return [...examples].map(([, code = '']) => code);
}
