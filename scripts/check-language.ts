import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { findFaults } from './language/find-faults.ts';
import { readCode, readMarkdown } from './language/read-prose.ts';

// Reads every comment, string, test title and document, and names what CONTRIBUTING.md ("How we write") rules out.
// With paths as arguments, only the files below them.

/** Shows the words that are ruled out. */
const EXEMPT = new Set(['scripts/language/find-faults.ts', 'test/language.test.ts', 'CONTRIBUTING.md']);

const listed = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', ...process.argv.slice(2)],
  {
    encoding: 'utf8',
  },
);
// A file may be deleted, and its deletion not be committed yet.
const files = listed
  .split('\n')
  .filter((file) => /\.(?:ts|tsx|md)$/.test(file) && !EXEMPT.has(file) && existsSync(file));
let count = 0;
for (const file of files) {
  const source = readFileSync(file, 'utf8');
  for (const prose of file.endsWith('.md') ? readMarkdown(source) : readCode(file, source)) {
    for (const { line, found, advice } of findFaults(prose)) {
      count += 1;
      console.log(`${file}:${line}  "${found}": ${advice}`);
    }
  }
}
if (count > 0) console.log(`${count} places read twice; CONTRIBUTING.md, "How we write", has the rules.`);
process.exitCode = count === 0 ? 0 : 1;
