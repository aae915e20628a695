import { z } from 'zod';

/** The run that a hook, or a tool of an in-process MCP server, is called for. */
export interface ToolRun {
  readonly id: string;
  readonly agent: string;
  readonly user: string | null;
  readonly team: string | null;
  /** Metadata of its submission. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Counts from 1. */
  readonly attempt: number;
}

/** Facts about the use of a tool that a hook receives. */
export interface ToolHookContext {
  readonly run: ToolRun;
  readonly tool: {
    readonly name: string;
    readonly input: Readonly<Record<string, unknown>>;
    readonly useId: string;
    /** Name of the subagent that uses the tool; null in the main conversation. */
    readonly subagent: string | null;
  };
  /** Aborted when the hook exceeds its time limit, and when its run ends. */
  readonly signal: AbortSignal;
}

export interface AfterToolHookContext extends ToolHookContext {
  readonly result: {
    readonly isError: boolean;
    /** Claude Code's own form of the result: an object that differs from tool to tool, or the text of the failure. */
    readonly output: unknown;
  };
}

/** `deny`: the reason the model gets. `input`: replaces the input of the tool. Nothing: the use continues. */
export type BeforeToolDecision = { readonly deny: string } | { readonly input: Readonly<Record<string, unknown>> };

export interface AfterToolDecision {
  /** Text that the model reads instead of the result. The text of a failed use cannot be replaced. */
  readonly replaceOutput?: string;
  /** Text that the model reads in addition to the result. */
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
/** The name of this type in the list of options. */
const TITLE = { title: 'function' };

export const hooksSchema = z.strictObject({
  /**
   * Called before each use of a tool with `{ run, tool, signal }`. Returns nothing to allow the use, `{ deny: reason }`
   * to deny it, or `{ input }` to change the tool's input. If the hook throws or exceeds its time limit, the use is
   * denied. Defaults to none.
   */
  beforeToolUse: z.custom<NonNullable<ToolHooks['beforeToolUse']>>(isFunction, MUST_BE).meta(TITLE).optional(),
  /**
   * Called after each use of a tool with `{ run, tool, result, signal }`. May return `{ replaceOutput, addContext }`.
   * If the hook throws or exceeds its time limit, the model does not get the result. Defaults to none.
   */
  afterToolUse: z.custom<NonNullable<ToolHooks['afterToolUse']>>(isFunction, MUST_BE).meta(TITLE).optional(),
});
