/** The public test kit of Longhaul: test an application's agents with the real Claude Code, free of charge. */
export type { ApiError } from './api-error.ts';
export type { Block, StreamingOptions, TextBlock, ThinkingBlock, ToolInput, ToolUseBlock } from './blocks.ts';
export { say, think, useServerTool, useTool } from './blocks.ts';
export { demoScript } from './demo-script.ts';
export type { ToolResult } from './conversation.ts';
export type { ModelRequest } from './model-request.ts';
export type { Script, ScriptedModel, ScriptedModelOptions } from './scripted-model.ts';
export { startScriptedModel } from './scripted-model.ts';
export type {
  Answer,
  EndingOptions,
  Failure,
  FailOptions,
  Silence,
  StopDetails,
  StopReason,
  Turn,
  TurnOptions,
} from './turns.ts';
export { cut, fail, failMidStream, hang, turn } from './turns.ts';
export type { TestLonghaul, TestLonghaulOptions } from './test-longhaul.ts';
export { startTestLonghaul } from './test-longhaul.ts';
