import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** Returns the examples in TypeScript, or another language, of a documentation page, such as `docs/agents.md`. */
export async function readExamples(page: string, language = 'ts'): Promise<string[]> {
  const text = await readFile(path.resolve(import.meta.dirname, '../..', page), 'utf8');
  const examples = text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'));
  return [...examples].map(([, code = '']) => code);
}
