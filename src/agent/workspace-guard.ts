import path from 'node:path';
import type { HookCallback, Options, PreToolUseHookInput } from '@anthropic-ai/claude-agent-sdk';
import type { EventData } from '../core/events.ts';
import { isContainedPath } from './contained-path.ts';
import { toFields, toText } from './untyped.ts';

/** A tool use that was refused. */
export type Denial = EventData['agent.permission_denied'];

interface WorkspaceGuardOptions {
  readonly workspaceDir: string;
  /** Called for each refusal: Claude Code itself reports none that a hook made. */
  readonly onDenied: (denial: Denial) => void;
  /** Resolves when it is on record that the tool use begins; false when it cannot be put there any more. */
  readonly mayBegin: (toolUseId: string) => Promise<boolean>;
}

/** The inputs of file tools that name one file or directory. */
const PATH_FIELDS = ['file_path', 'notebook_path', 'filePath', 'path'];
/** Those that name many by a pattern; Grep's own `pattern` is matched against text. */
const PATTERN_FIELDS: Readonly<Record<string, string>> = { Glob: 'pattern', Grep: 'glob' };

/**
 * The hook before every use of a tool. It keeps the file tools inside the workspace: Claude Code itself lets an
 * approved `Read` read any file (measured with `dontAsk`). And it lets no tool begin before what it was asked is on
 * record: the next attempt, should there be one, must know that it may have taken effect. A failure refuses the use.
 */
export function createWorkspaceGuard(options: WorkspaceGuardOptions): NonNullable<Options['hooks']> {
  const { workspaceDir, onDenied, mayBegin } = options;

  async function findObjection(input: PreToolUseHookInput): Promise<string | null> {
    const stray = await findStrayPath({ name: input.tool_name, input: input.tool_input, workspaceDir, cwd: input.cwd });
    if (stray !== null) return `${input.tool_name} may not leave the workspace: ${stray}`;
    return (await mayBegin(input.tool_use_id)) ? null : `${input.tool_name} may not begin: the attempt has ended`;
  }

  const guard: HookCallback = async (input, toolUseId) => {
    if (input.hook_event_name !== 'PreToolUse') return {};
    const message = await findObjection(input);
    if (message === null) return {};
    onDenied({ toolUseId: toolUseId ?? input.tool_use_id, name: input.tool_name, message });
    return {
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'deny',
        permissionDecisionReason: message,
      },
    };
  };
  return { PreToolUse: [{ hooks: [guard], onFailure: 'block' }] };
}

interface ToolUse {
  readonly name: string;
  readonly input: unknown;
  readonly workspaceDir: string;
  /** Where Claude Code is at the moment: a `cd` in Bash moves it. */
  readonly cwd: string;
}

/** The first path or pattern in a tool's input that leads out of the workspace, or null. */
export async function findStrayPath({ name, input, workspaceDir, cwd }: ToolUse): Promise<string | null> {
  const fields = toFields(input);
  const paths = PATH_FIELDS.map((field) => toText(fields[field])).filter((value) => value !== null);
  for (const given of paths) {
    if (!(await isContainedPath(given, { rootDir: workspaceDir, baseDir: cwd }))) return given;
  }
  const pattern = toText(fields[PATTERN_FIELDS[name] ?? '']);
  if (pattern === null) return null;
  if (climbsOut(pattern)) return pattern;
  const baseDir = path.resolve(cwd, toText(fields['path'])?.trim() ?? '');
  const isContained = await isContainedPath(literalPrefix(pattern), { rootDir: workspaceDir, baseDir });
  return isContained ? null : pattern;
}

/** `..` as a step anywhere, also in `{a,..}/b`, or an alternative that begins at the root or the home: `{a,/etc}`. */
function climbsOut(pattern: string): boolean {
  const steps = pattern.split(/[/\\{},()|!]/).map((step) => step.trim());
  return steps.includes('..') || /[{,(|!]\s*[/~]/.test(pattern);
}

/** The steps of a pattern before its first wildcard: the directory it looks in. */
function literalPrefix(pattern: string): string {
  const steps = pattern.trim().split('/');
  const wild = steps.findIndex((step) => /[*?[\]{}()!\\]/.test(step));
  const literal = (wild === -1 ? steps : steps.slice(0, wild)).join('/');
  return pattern.trim().startsWith('/') && literal === '' ? '/' : literal;
}
