import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** The examples in TypeScript of a page of the documentation, such as `docs/agents.md`. */
export async function readExamples(page: string): Promise<string[]> {
  const text = await readFile(path.resolve(import.meta.dirname, '../..', page), 'utf8');
  return [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code);
}
