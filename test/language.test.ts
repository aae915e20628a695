import { describe, expect, it } from 'vitest';
import { findFaults } from '../scripts/language/find-faults.ts';
import { readCode, readMarkdown } from '../scripts/language/read-prose.ts';

const inCode = (source: string) => readCode('planted.ts', source).flatMap(findFaults);
const inDocument = (source: string) => readMarkdown(source).flatMap(findFaults);

describe('the language check', () => {
  it.each([
    ['/** What a caller may see. */', 'What'],
    ['/**\n * Reads a run.\n * Whether it is there is not checked.\n */', 'Whether'],
    ['// Counts runs.\n// Those of tests too.', 'Those'],
    ['// It is kept.', 'It'],
    ["z.string().describe('Who asked for it.');", 'Who'],
    ['throw new Error(`The ${name} begins anew tomorrow.`);', 'anew'],
    ["test('one that waits is ended', () => {});", 'one'],
    ["test.each([1])('what came last wins', () => {});", 'what'],
    ["log.warn({}, 'The worker is told of it.');", 'is told'],
  ])('finds the fault of %j', (source, found) => {
    expect(inCode(source).map((fault) => fault.found)).toContain(found);
  });

  it.each([
    ['A paragraph.\nOne that ends.', 'One'],
    ['| a | What is left. |', 'What'],
    ['- Runs that are at work.', 'at work'],
  ])('finds the fault of the document %j', (source, found) => {
    expect(inDocument(source).map((fault) => fault.found)).toContain(found);
  });

  it('gives the line of a fault', () => {
    expect(inCode('const a = 1;\n\n// Counts runs.\n// Those of tests too.\n')[0]?.line).toBe(4);
    expect(inDocument('# Title\n\nText.\nWhoever reads it.\n')[0]?.line).toBe(4);
  });

  it.each([
    '/** Reads a run, and says whether it is finished. */',
    '// Any of them is enough.',
    '// oxlint-disable-next-line no-console -- It prints.',
    'const what = "What";',
  ])('lets %j pass', (source) => {
    expect(inCode(source)).toEqual([]);
  });

  it('lets questions and code of a document pass', () => {
    expect(inDocument('# Who may read a run?\n\n```\n# One that is code\n```\n\nSet `What is this`.\n')).toEqual([]);
  });
});
