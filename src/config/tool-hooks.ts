import { z } from 'zod';

/** The run that a hook, or a tool of an in-process MCP server, is called for. */
export interface ToolRun {
  readonly id: string;
  readonly agent: string;
  readonly user: string | null;
  readonly team: string | null;
  /** What its submission said of it. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Counts from 1. */
  readonly attempt: number;
}

/** What a hook is told of the use of a tool. */
export interface ToolHookContext {
  readonly run: ToolRun;
  readonly tool: {
    readonly name: string;
    readonly input: Readonly<Record<string, unknown>>;
    readonly useId: string;
    /** The subagent that uses it, by its name; null in the main conversation. */
    readonly subagent: string | null;
  };
  /** Aborted when the hook has taken too long, and when its run ends. */
  readonly signal: AbortSignal;
}

export interface AfterToolHookContext extends ToolHookContext {
  readonly result: {
    readonly isError: boolean;
    /** As Claude Code holds it: an object that differs from tool to tool, or the words of the failure. */
    readonly output: unknown;
  };
}

/** `deny`: why, as the model is told. `input`: what the tool gets in place of its input. Nothing: it may go on. */
export type BeforeToolDecision = { readonly deny: string } | { readonly input: Readonly<Record<string, unknown>> };

export interface AfterToolDecision {
  /** What the model reads in place of the result. The words of a use that failed cannot be replaced. */
  readonly replaceOutput?: string;
  /** What the model reads beside the result. */
  readonly addContext?: string;
}

type Answer<T> = T | undefined | void;

export interface ToolHooks {
  readonly beforeToolUse?:
    | ((context: ToolHookContext) => Answer<BeforeToolDecision> | Promise<Answer<BeforeToolDecision>>)
    | undefined;
  readonly afterToolUse?:
    | ((context: AfterToolHookContext) => Answer<AfterToolDecision> | Promise<Answer<AfterToolDecision>>)
    | undefined;
}

const isFunction = (value: unknown) => typeof value === 'function';
const MUST_BE = 'must be a function';
/** What it is called where options are listed. */
const TITLE = { title: 'function' };

export const hooksSchema = z.strictObject({
  /**
   * Called before each use of a tool with `{ run, tool, signal }`. Returns nothing to let it go on, `{ deny: reason }` or
   * `{ input }` to change what the tool is asked. Should it throw or take too long, the use is denied. Defaults to none.
   */
  beforeToolUse: z.custom<NonNullable<ToolHooks['beforeToolUse']>>(isFunction, MUST_BE).meta(TITLE).optional(),
  /**
   * Called after each use with `{ run, tool, result, signal }`. May return `{ replaceOutput, addContext }`. Should it
   * throw or take too long, the model does not get the result. Defaults to none.
   */
  afterToolUse: z.custom<NonNullable<ToolHooks['afterToolUse']>>(isFunction, MUST_BE).meta(TITLE).optional(),
});
