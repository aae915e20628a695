import type { ModelRequest } from '../../src/testing/index.ts';
import { cut, fail, say, turn, useTool, type Turn } from '../../src/testing/index.ts';

/** The task of a run. As JSON it is the run's prompt, so that the model derives its answers from the prompt alone. */
export interface Task {
  /** The name of the run: `r017`. */
  readonly name: string;
  /** Tool calls, one after another; each writes two lines to the run's journal, this far apart. */
  readonly tools: number;
  readonly toolSeconds: number;
  /** True when its first tool call leaves a process in a separate session behind. */
  readonly leavesDaemon: boolean;
  /** Words of the answer, one by one. */
  readonly words: number;
  readonly wordDelayMs: number;
  /** Other answers to its first calls of the model, one after another. */
  readonly failures: readonly TaskFailure[];
  /** The answer to each of its calls, or null. A run with such an answer cannot succeed. */
  readonly endlessFailure: 400 | 529 | null;
}

export type TaskFailure = 500 | 529 | 'cut';

/** Returns the result of a run of this task. No two words of any two runs are the same. */
export function answerOf({ name, words }: Task): string {
  return wordsOf(name, words).join('');
}

function wordsOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index} `);
}

/** Reads the task from a prompt; null when it has none. */
export function parseTask(prompt: string): Task | null {
  const start = prompt.indexOf('{');
  // Text of Longhaul may follow, with its own braces.
  const end = prompt.indexOf('}', prompt.indexOf('endlessFailure'));
  try {
    const parsed: unknown = JSON.parse(prompt.slice(start, end + 1));
    return typeof parsed === 'object' && parsed !== null && 'endlessFailure' in parsed ? (parsed as Task) : null;
  } catch {
    return null;
  }
}

/**
 * Returns the model's answer to the `callIndex`th request of a task's run. The conversation shows the number of tool
 * calls: another attempt continues it where it stopped.
 */
export function toTurn(task: Task, options: { request: ModelRequest; callIndex: number; journalScript: string }): Turn {
  const { request, callIndex, journalScript } = options;
  if (task.endlessFailure !== null) return fail(task.endlessFailure);
  const failure = task.failures[callIndex];
  if (typeof failure === 'number') return fail(failure);
  const step = countToolUses(request);
  const isTool = step < task.tools;
  const words = wordsOf(task.name, task.words).slice(countWordsSaid(task, request));
  const block = isTool
    ? useTool('Bash', { command: toCommand(task, { step, journalScript }) })
    : say(words.join(''), { chunks: words, chunkDelayMs: task.wordDelayMs });
  const characters = isTool ? 400 : words.join('').length;
  // Never fewer output tokens than the gateway estimates for a broken answer: a token for 4 characters.
  const answer = turn(block, { usage: { inputTokens: 1_000, outputTokens: 20 + Math.ceil(characters / 3) } });
  // In the middle of a block: Claude Code keeps a whole one, and would ask for more of an answer that is complete.
  return failure === 'cut' ? { ...answer, ...CUT } : answer;
}

const CUT = (({ ending, isMidBlock }) => ({ ending, isMidBlock }))(cut(say('x'), { midBlock: true }));

/**
 * Counts the words of the answer with which the conversation ends: a model that is asked to continue does not repeat
 * them. An answer that is complete is repeated, so that the judges notice that it was asked for twice.
 */
function countWordsSaid({ name, words }: Task, { body }: ModelRequest): number {
  const said = JSON.stringify(body.messages);
  const count = wordsOf(name, words).findLastIndex((word) => said.includes(word.trim())) + 1;
  return count === words ? 0 : count;
}

function toCommand(task: Task, { step, journalScript }: { step: number; journalScript: string }): string {
  const parts = ['sh', journalScript, task.name, String(step), String(task.toolSeconds)];
  return (task.leavesDaemon && step === 0 ? [...parts, 'daemon'] : parts).join(' ');
}

function countToolUses({ body }: ModelRequest): number {
  return body.messages
    .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
    .filter(({ type }) => type === 'tool_use').length;
}

/**
 * The shell script behind every tool call: `RUN STEP SECONDS [daemon]`. Appends a line when it begins
 * and a line when it ends, with its attempt, so that two at once would both be visible.
 */
export function toJournalScript(journalDir: string): string {
  return `run=$1 step=$2 seconds=$3
[ "$4" = daemon ] && setsid sleep 600 < /dev/null > /dev/null 2>&1 &
echo "$LONGHAUL_ATTEMPT $step begin" >> "${journalDir}/$run"
sleep "$seconds"
echo "$LONGHAUL_ATTEMPT $step end" >> "${journalDir}/$run"
echo "written"
`;
}
