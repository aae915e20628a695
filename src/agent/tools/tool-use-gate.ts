import type {
  HookCallback,
  HookCallbackMatcher,
  HookJSONOutput,
  Options,
  PreToolUseHookSpecificOutput,
} from '@anthropic-ai/claude-agent-sdk';
import type { Agent } from '../../config/config.ts';
import { isCustomTool } from '../../config/mcp-server.ts';
import { isListedTool } from '../../config/resolve-tools.ts';
import { toMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { CustomResults } from './custom-results.ts';
import type { ToolAttempt } from './tool-attempt.ts';
import { refuseSkillCommand } from './refuse-skill-command.ts';
import { createHookRunner, type HookRunner } from './hook-runner.ts';
import type { ToolResults } from '../transcript/tool-results.ts';
import { OUTPUT_TOOL, QUESTION_TOOL, toToolUse, type ToolUse, type ToolUseDecision } from './tool-use.ts';
import { findStrayPath } from './workspace-guard.ts';

/** As long as the SDK may wait: our hooks are bounded by their own limit, and by the attempt's end. */
const MATCHER_TIMEOUT_SECONDS = 1_728_000;

interface ToolUseGateOptions {
  readonly agent: Agent;
  readonly workspaceDir: string;
  readonly toolResults: Pick<ToolResults, 'findDirectories'>;
  /** Receives the results of tools that the client runs, before these begin. */
  readonly customResults: Pick<CustomResults, 'put'>;
  /** Returns the attempt that the process works for now, or null. */
  readonly receiver: () => ToolAttempt | null;
  /** Aborted when the process is ended. */
  readonly endSignal: AbortSignal;
  readonly log?: Logger | undefined;
}

interface Gate extends ToolUseGateOptions {
  readonly runner: HookRunner;
  /** The deferred use: until it is decided, nothing else in its conversation begins. */
  deferred: { readonly attempt: ToolAttempt; readonly useId: string } | null;
}

/**
 * Creates the gate that every tool use passes before it begins, in this order; the first denial ends the sequence:
 *
 * 1. the list of tools, and for the file tools the workspace; the money left to read the result
 * 2. the agent's `beforeToolUse`
 * 3. a person, for the tools that the agent's `ask` names; the client, for the tools that it runs
 * 4. the record: the log contains the tool's input before the tool runs
 *
 * A changed input is checked against the workspace again. Any failure denies the use.
 */
export function createToolUseGate(options: ToolUseGateOptions): NonNullable<Options['hooks']> {
  const runner = createHookRunner(options);
  const gate: Gate = { ...options, runner, deferred: null };
  const before: HookCallback = async (input, toolUseId, { signal }) => {
    if (input.hook_event_name !== 'PreToolUse') return {};
    const use = toToolUse(input, toolUseId);
    const judgement = await judge(gate, use, {
      place: { cwd: input.cwd, claudeSessionId: input.session_id },
      signal: AbortSignal.any([signal, options.endSignal]),
    });
    return toAnswer(gate, use, judgement);
  };
  const matchers = (hook: HookCallback): HookCallbackMatcher[] => [
    { hooks: [hook], onFailure: 'block', timeout: MATCHER_TIMEOUT_SECONDS },
  ];
  return {
    PreToolUse: matchers(before),
    PreSkillShellCommand: matchers(refuseSkillCommand),
    ...(options.agent.hooks.afterToolUse && {
      PostToolUse: matchers(runner.after),
      PostToolUseFailure: matchers(runner.after),
    }),
  };
}

/** The circumstances of a tool use. */
interface Circumstances {
  readonly place: Place;
  /** Aborted when the use is cancelled or the process ends. */
  readonly signal: AbortSignal;
}

/** Judges a tool use. Never rejects: a failure denies the use. */
async function judge(gate: Gate, use: ToolUse, circumstances: Circumstances): Promise<Judgement> {
  try {
    return await takeSteps(gate, use, circumstances);
  } catch (error) {
    gate.log?.error(
      { runId: gate.receiver()?.run.id, tool: use.name, error: toMessage(error) },
      'a tool use could not be judged, and was denied',
    );
    return { deny: `${use.name} could not be judged` };
  }
}

async function takeSteps(gate: Gate, use: ToolUse, { place, signal }: Circumstances): Promise<Judgement> {
  const { agent, receiver, runner } = gate;
  const attempt = receiver();
  if (attempt === null) return { deny: `${use.name} may not begin: there is no run to use it for` };
  if (gate.deferred?.attempt === attempt) return { notNow: waitsBehind(use.name) };
  const objection = await findObjection(gate, use, place);
  if (objection !== null) return { deny: objection };
  if (use.name !== OUTPUT_TOOL && !attempt.hasMoneyLeft()) {
    return { deny: `${use.name} may not begin: the run has reached its cost limit` };
  }
  let now = use;
  const isAsked =
    use.name === QUESTION_TOOL || isListedTool(agent.ask, use.name) || isCustomTool(agent.mcpServers, use.name);
  const asking = isAsked ? (attempt.ask ?? nobodyToAsk) : null;
  const steps = [() => runner.before(now, { attempt, signal }), () => asking?.(now, signal)];
  for (const step of steps) {
    const decision = await step();
    if (decision === undefined) continue;
    if (decision === 'later') return putOff(gate, use, attempt);
    if ('deny' in decision) return decision;
    if ('result' in decision) {
      gate.customResults.put(use.id, decision.result);
      continue;
    }
    if (decision.input === undefined) continue;
    now = { ...use, input: decision.input };
    const second = await findObjection(gate, now, place);
    if (second !== null) return { deny: second };
  }
  const changed = now === use ? null : now;
  if (!(await attempt.mayBegin(use.id, changed))) return { deny: `${use.name} may not begin: the attempt has ended` };
  return changed === null ? {} : { input: changed.input };
}

/** Defers a use. Claude Code keeps only one of several deferred uses; the model must repeat the others. */
function putOff(gate: Gate, use: ToolUse, attempt: ToolAttempt): Judgement {
  if (gate.deferred?.attempt === attempt || use.subagent !== null) {
    return { notNow: isCustomTool(gate.agent.mcpServers, use.name) ? waitsForResult(use.name) : waitsBeside(use.name) };
  }
  gate.deferred = { attempt, useId: use.id };
  return 'defer';
}

/** Finds a reason why the agent may not use the tool at all, even if a person allows it. */
async function findObjection(
  { agent, workspaceDir, toolResults }: Gate,
  { name, input }: ToolUse,
  { cwd, claudeSessionId }: Place,
): Promise<string | null> {
  if (name === OUTPUT_TOOL && agent.outputSchema !== null) return null;
  if (!isListedTool(agent.tools, name)) return `${name} is not one of the agent's tools`;
  // A server's path may not be a path on this machine.
  if (name.startsWith('mcp__')) return null;
  const stray = await findStrayPath({ name, input, workspaceDir, cwd });
  if (stray !== null && RESULT_READERS.has(name)) {
    // A path in the workspace is not in the directory of results, and the reverse.
    for (const rootDir of await toolResults.findDirectories(claudeSessionId)) {
      if ((await findStrayPath({ name, input, workspaceDir: rootDir, cwd })) === null) return null;
    }
  }
  return stray === null ? null : `${name} may not leave the workspace: ${stray}`;
}

/** Turns a judgement into the answer for Claude Code, and notes a denial. */
function toAnswer({ receiver }: Gate, use: ToolUse, judgement: Judgement): HookJSONOutput {
  if (judgement === 'defer') return toHookOutput({ permissionDecision: 'defer' });
  if ('notNow' in judgement) {
    return toHookOutput({ permissionDecision: 'deny', permissionDecisionReason: judgement.notNow });
  }
  if ('deny' in judgement) {
    receiver()?.noteDenial({ toolUseId: use.id, name: use.name, message: judgement.deny });
    return toHookOutput({ permissionDecision: 'deny', permissionDecisionReason: judgement.deny });
  }
  if (judgement.input === undefined) return {};
  // Without a decision, so that Claude Code's own rules still apply. Except for questions, for which those rules
  // would ask somebody.
  const permission = use.name === QUESTION_TOOL ? ({ permissionDecision: 'allow' } as const) : {};
  return toHookOutput({ ...permission, updatedInput: { ...judgement.input } });
}

/** The state of Claude Code when it wants to use a tool. */
interface Place {
  readonly cwd: string;
  readonly claudeSessionId: string;
}

/** The tools with which the model reads a large result. */
const RESULT_READERS: ReadonlySet<string> = new Set(['Read', 'Grep']);

/** The judgement of a tool use. `notNow`: the use is not denied, but does not begin. */
type Judgement = ToolUseDecision | { readonly notNow: string } | 'defer';

const waitsBehind = (name: string) =>
  `${name} has not begun: another tool use waits for a person's decision first. Use it again when you have the result of that one, if it is still needed.`;

const waitsBeside = (name: string) =>
  `${name} has not begun: it waits for a person's decision. When you have the result of the tool use that waits with it, use it again with exactly the same input: the decision is known then.`;

const waitsForResult = (name: string) =>
  `${name} has not begun: it waits for its result. When you have the result of the tool use that waits with it, use it again with exactly the same input: its result is there then.`;

function toHookOutput(output: Omit<PreToolUseHookSpecificOutput, 'hookEventName'>): HookJSONOutput {
  return { hookSpecificOutput: { hookEventName: 'PreToolUse', ...output } };
}

const nobodyToAsk = (): Promise<ToolUseDecision> =>
  Promise.resolve({ deny: 'it needs an approval, and no person can be asked' });
