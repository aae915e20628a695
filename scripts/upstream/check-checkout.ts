import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Observation } from './observation.ts';

/** A check of a checkout, with the output that explains a failure. */
export interface CheckOutcome {
  readonly name: string;
  readonly isOk: boolean;
  readonly seconds: number;
  /** The last lines of the output; empty for a check that holds. */
  readonly detail: string;
}

interface CheckOptions {
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** The tests that rest on the behaviour of the Agent SDK and of Claude Code: parts of the names of their files. */
const TESTS = [
  'src/agent/',
  'src/gateway/',
  'src/scripted-model/',
  'test/agent-features',
  'test/answers',
  'test/approvals',
  'test/claude-code-prices',
  'test/conversations',
  'test/examples',
  'test/outcomes',
];

/** Compiles the checkout: an option that is gone, or has another type, is an error. */
export function checkTypes(options: CheckOptions): Promise<CheckOutcome> {
  return check('types', ['node_modules/typescript/bin/tsc', '-p', '.'], options);
}

/** Runs the tests that rest on Claude Code. This takes minutes. */
export function checkTests(options: CheckOptions): Promise<CheckOutcome> {
  // A version is entered in the list of tried versions only when it has passed here.
  const args = ['run', '--retry=1', '--reporter=dot', '--exclude', 'src/agent/tried-versions.test.ts', ...TESTS];
  return check('tests', ['node_modules/vitest/vitest.mjs', ...args], options);
}

/** Runs the findings about Claude Code. A finding that fails describes behaviour that has changed. */
export async function checkFindings(options: CheckOptions): Promise<CheckOutcome[]> {
  const directory = path.join(options.directory, 'findings');
  const outcomes: CheckOutcome[] = [];
  for (const file of (await readdir(directory)).sort()) {
    const text = await readFile(path.join(directory, file), 'utf8');
    if (!/claude-agent-sdk|Claude Code/.test(text)) continue;
    outcomes.push(await check(`findings/${file}`, [path.join(directory, file)], options));
  }
  return outcomes;
}

/** Observes the Agent SDK that is installed in a directory, by that directory's own code. */
export async function observeIn(options: CheckOptions): Promise<Observation> {
  const { output, isOk } = await run(
    process.execPath,
    ['--conditions=longhaul-source', 'scripts/upstream/observe.ts'],
    options,
  );
  if (!isOk) throw new Error(`The Agent SDK in ${options.directory} could not be observed:\n${tail(output.all)}`);
  return JSON.parse(output.stdout) as Observation;
}

async function check(name: string, args: readonly string[], options: CheckOptions): Promise<CheckOutcome> {
  const startedAtMs = performance.now();
  const [first = '', ...rest] = args;
  const isShell = first.endsWith('.sh');
  const { output, isOk } = isShell
    ? await run('bash', args, options)
    : await run(process.execPath, [first, ...rest], options);
  const seconds = Math.round((performance.now() - startedAtMs) / 100) / 10;
  return { name, isOk, seconds, detail: isOk ? '' : tail(output.all) };
}

interface Ran {
  readonly isOk: boolean;
  readonly output: { readonly stdout: string; readonly all: string };
}

/** Runs a program with the tools of the checkout first in its path. Rejects only when it was stopped. */
function run(file: string, args: readonly string[], { directory, signal }: CheckOptions): Promise<Ran> {
  const env = { ...process.env, PATH: `${path.join(directory, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}` };
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd: directory, env, signal, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (signal.aborted) reject(new Error('Stopped.'));
      else resolve({ isOk: error === null, output: { stdout, all: `${stdout}\n${stderr}` } });
    });
  });
}

const TAIL_LINES = 60;

function tail(output: string): string {
  return output.trim().split('\n').slice(-TAIL_LINES).join('\n');
}
