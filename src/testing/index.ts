/** The public test kit of Longhaul: test an application's agents with the real Claude Code, free of charge. */
export type { ApiError } from '../scripted-model/api-error.ts';
export type {
  Block,
  StreamingOptions,
  TextBlock,
  ThinkingBlock,
  ToolInput,
  ToolUseBlock,
} from '../scripted-model/blocks.ts';
export { say, think, useServerTool, useTool } from '../scripted-model/blocks.ts';
export { demoScript } from '../scripted-model/demo-script.ts';
export type { ToolResult } from '../scripted-model/conversation.ts';
export type { ModelRequest } from '../scripted-model/model-request.ts';
export type { Script, ScriptedModel, ScriptedModelOptions } from '../scripted-model/scripted-model.ts';
export { startScriptedModel } from '../scripted-model/scripted-model.ts';
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
} from '../scripted-model/turns.ts';
export { cut, fail, failMidStream, hang, turn } from '../scripted-model/turns.ts';
export type { TestLonghaul, TestLonghaulOptions } from './test-longhaul.ts';
export { startTestLonghaul } from './test-longhaul.ts';
