/**
 * Longhaul: the production runtime for Claude agents.
 *
 * `defineConfig` types a configuration, `createLonghaul` runs it inside an application; the `longhaul` command runs it
 * alone.
 */
export { defineConfig, type Config } from './config/config.ts';
export type { LonghaulConfig } from './config/schema.ts';
export type {
  AfterToolDecision,
  AfterToolHookContext,
  BeforeToolDecision,
  ToolHookContext,
  ToolHooks,
  ToolRun,
} from './config/tool-hooks.ts';
export type { CreateMcpServer } from './config/mcp-server.ts';
/** For `mcpServers` with `create`: exported from the Agent SDK, in the version that Longhaul runs with. */
export { createSdkMcpServer, tool } from '@anthropic-ai/claude-agent-sdk';
export { createLonghaul, type Longhaul, type LonghaulOptions } from './longhaul.ts';
export { ERRORS, LonghaulError, type ErrorCode, type FieldError, type RunErrorCode } from './core/errors.ts';
export type { EventData, EventType, RunError, RunEvent } from './core/events.ts';
export type { RunLimits } from './core/limits.ts';
export { RUN_STATUSES, type FinalStatus, type RunStatus } from './core/states.ts';
export type { ModelUsage, TokenUsage } from './core/usage.ts';
