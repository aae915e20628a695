import type { Metadata } from './metadata.ts';
import type { ToolName } from './tool-names.ts';

/** An agent as clients see it, without its id, version and times: stored with each version, and with each session. */
export interface AgentSnapshot {
  readonly type: 'agent';
  readonly name: string;
  readonly model: ModelConfig;
  readonly system: string | null;
  readonly description: string | null;
  readonly tools: readonly Tool[];
  readonly mcp_servers: readonly McpServerDefinition[];
  readonly skills: readonly never[];
  readonly multiagent: null;
  readonly execution_identity: { readonly type: 'service_account' };
  readonly metadata: Metadata;
}

export interface ModelConfig {
  readonly id: string;
  readonly effort: { readonly type: 'low' | 'medium' | 'high' };
  readonly speed: 'standard';
}

export interface McpServerDefinition {
  readonly type: 'url';
  readonly name: string;
  readonly url: string;
}

/** A tool or set of tools, with every default in place. */
export type Tool = AgentToolset | McpToolset | CustomTool;

export interface AgentToolset {
  readonly type: 'agent_toolset_20260401';
  readonly default_config: ToolSetting;
  /** Tools that differ from the default, or that the client has named. */
  readonly configs: readonly ToolConfig[];
}

export interface McpToolset {
  readonly type: 'mcp_toolset';
  readonly mcp_server_name: string;
  readonly default_config: ToolSetting;
  readonly configs: readonly (ToolSetting & { readonly name: string })[];
}

/** A tool that the client executes. */
export interface CustomTool {
  readonly type: 'custom';
  readonly name: string;
  readonly description: string;
  readonly input_schema: { readonly type: 'object' } & Readonly<Record<string, unknown>>;
}

export interface ToolSetting {
  readonly enabled: boolean;
  readonly permission_policy: PermissionPolicy;
}

export interface ToolConfig extends ToolSetting {
  readonly type: ToolName;
  readonly name: ToolName;
  /** Of `web_fetch` alone, which always has it. */
  readonly url_sources?: null;
}

export interface PermissionPolicy {
  readonly type: 'always_allow' | 'always_ask';
}
