import path from 'node:path';
import type { EventData } from '../../core/events.ts';
import { isContainedPath } from './contained-path.ts';
import { toFields, toText } from '../../core/untyped.ts';

/** A tool use that was denied. */
export type Denial = EventData['agent.permission_denied'];

/** The inputs of file tools that name one file or directory. */
const PATH_FIELDS = ['file_path', 'notebook_path', 'filePath', 'path'];
/** The inputs that name many files by a pattern; Grep's own `pattern` is matched against text. */
const PATTERN_FIELDS: Readonly<Record<string, string>> = { Glob: 'pattern', Grep: 'glob' };

interface GuardedUse {
  readonly name: string;
  readonly input: unknown;
  readonly workspaceDir: string;
  /** Claude Code's current directory, which a `cd` in Bash changes. */
  readonly cwd: string;
}

/**
 * Finds the first path or pattern in a tool's input that leads out of the workspace, or null. Claude Code itself lets
 * an allowed `Read` read any file (measured with `dontAsk`).
 */
export async function findStrayPath({ name, input, workspaceDir, cwd }: GuardedUse): Promise<string | null> {
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

/**
 * Returns whether a pattern has `..` as a step anywhere, also in `{a,..}/b`, or an alternative that begins at the root
 * or the home: `{a,/etc}`.
 */
function climbsOut(pattern: string): boolean {
  const steps = pattern.split(/[/\\{},()|!]/).map((step) => step.trim());
  return steps.includes('..') || /[{,(|!]\s*[/~]/.test(pattern);
}

/** Returns the steps of a pattern before its first wildcard: the directory in which it searches. */
function literalPrefix(pattern: string): string {
  const steps = pattern.trim().split('/');
  const wild = steps.findIndex((step) => /[*?[\]{}()!\\]/.test(step));
  const literal = (wild === -1 ? steps : steps.slice(0, wild)).join('/');
  return pattern.trim().startsWith('/') && literal === '' ? '/' : literal;
}
