import { type Command, InvalidArgumentError } from 'commander';
import type { ApprovalResource, DecisionRequest } from '../client/client.ts';
import { toCustomToolName } from '../core/custom-tools.ts';
import { LonghaulError } from '../core/errors.ts';
import { parseApprovalId, parseCount } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { describeQuestions } from './describe-questions.ts';
import { formatAge } from './durations.ts';
import { printList, printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';
import { toTerminalLine } from './terminal-text.ts';
import { describeToolInput } from './tool-summary.ts';

interface ListOptions extends PrintOptions {
  readonly all?: true;
  readonly limit: number;
}

interface AllowOptions extends PrintOptions {
  readonly input?: Record<string, unknown>;
  readonly answer?: Record<string, string>;
}

interface DenyOptions extends PrintOptions {
  readonly reason?: string;
}

/** Adds `longhaul approvals`. */
export function addApprovalsCommand(program: Command, shell: Shell): void {
  const approvals = program
    .command('approvals')
    .summary('list, allow and deny approvals')
    .description('List and decide approvals: tool uses to allow or deny, and questions to answer.');
  addList(approvals, shell);
  addAllow(approvals, shell);
  addDeny(approvals, shell);
}

function addList(parent: Command, shell: Shell): void {
  const command = parent
    .command('list', { isDefault: true })
    .description('List the pending approvals, newest first.')
    .option('--all', 'include decided approvals')
    .option('--limit <count>', 'maximum number of approvals, 1 to 200', parseCount(1, 200), 20)
    .option('--json', 'print { data, nextCursor } as JSON');
  addConnectionOptions(command).action(async ({ all, limit, json, ...connection }: ListOptions) => {
    const client = await connect(shell, connection);
    const page = await client.approvals({ status: all === true ? undefined : 'pending', limit });
    printList(shell, page, {
      json,
      columns: COLUMNS,
      none: all === true ? 'No approvals.' : 'No pending approvals. Decided ones are listed with --all.',
    });
  });
}

function addAllow(parent: Command, shell: Shell): void {
  const command = parent
    .command('allow')
    .description('Allow a tool use, or answer a question.')
    .argument('<id>', "the approval's id", parseApprovalId)
    .option('--input <json>', 'input to use instead, as a JSON object', parseObject)
    .option('--answer <question=answer>', 'answer a question; repeat it for each question', parseAnswer)
    .option('--json', 'print the approval as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul approvals allow 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(command).action(async (id: string, { input, answer, json, ...connection }: AllowOptions) => {
    const client = await connect(shell, connection);
    const decision: Omit<DecisionRequest, 'decision'> = { updatedInput: input, answers: answer };
    show(shell, await client.approve(id, decision), json);
  });
}

function addDeny(parent: Command, shell: Shell): void {
  const command = parent
    .command('deny')
    .description('Deny a tool use; the model receives the reason.')
    .argument('<id>', "the approval's id", parseApprovalId)
    .option('--reason <words>', 'the reason')
    .option('--json', 'print the approval as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ longhaul approvals deny 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f --reason "not in production"',
    );
  addConnectionOptions(command).action(async (id: string, { reason, json, ...connection }: DenyOptions) => {
    const client = await connect(shell, connection);
    show(shell, await client.deny(id, reason), json);
  });
}

function show(shell: Shell, approval: ApprovalResource, json: true | undefined): void {
  const run = toTerminalLine(approval.runId);
  printOne(shell, approval, {
    json,
    describe: () => `${approval.status}: ${describe(approval)}\nFollow the run with: longhaul tail ${run}`,
  });
}

function describe({ kind, tool }: ApprovalResource): string {
  if (kind === 'question') return describeQuestions(tool.input).join('; ');
  const name = kind === 'custom' ? (toCustomToolName(tool.name) ?? tool.name) : tool.name;
  const use = `${toTerminalLine(name)} ${describeToolInput(tool.input, '')}`.trim();
  return kind === 'custom' ? `client's result of ${use}` : use;
}

const COLUMNS: readonly Column<ApprovalResource>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'STATUS', value: ({ status }) => status },
  { title: 'AGE', align: 'right', value: ({ requestedAt }) => formatAge(requestedAt) },
  { title: 'AGENT', value: ({ agent }) => agent },
  { title: 'USER', value: ({ user }) => user ?? '' },
  { title: 'REQUEST', value: describe },
];

function parseObject(value: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  } catch (cause) {
    throw new LonghaulError('usage', { message: `--input must be a JSON object; received ${value}`, cause });
  }
  throw new InvalidArgumentError('It must be a JSON object.');
}

function parseAnswer(value: string, before: Record<string, string> = {}): Record<string, string> {
  // The last equals sign separates them, because a question may contain one.
  const at = value.lastIndexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be a question and its answer, such as "Which color?=Blue".');
  return { ...before, [value.slice(0, at)]: value.slice(at + 1) };
}
