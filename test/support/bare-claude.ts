import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Options, Query, SDKMessage, SDKResultMessage, WarmQuery } from '@anthropic-ai/claude-agent-sdk';
import { query, startup } from '@anthropic-ai/claude-agent-sdk';

export interface BareClaude extends AsyncDisposable {
  /** The directory the agent works in. */
  readonly workspace: string;
  /** Starts the real executable on a prompt, without Longhaul. */
  start(prompt: string, options?: Options): Query;
  /** Starts it without a prompt; resolves when it waits for one. */
  prestart(): Promise<WarmQuery>;
}

/** Creates the real Claude Code with a private home and workspace, connected only to the model at `modelUrl`. */
export async function createBareClaude(modelUrl: string, files: Record<string, string> = {}): Promise<BareClaude> {
  const home = await mkdtemp(path.join(tmpdir(), 'longhaul-bare-claude-'));
  const workspace = path.join(home, 'workspace');
  await mkdir(workspace);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(workspace, name)), { recursive: true });
    await writeFile(path.join(workspace, name), content);
  }
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    TMPDIR: home,
    CLAUDE_CONFIG_DIR: path.join(home, 'config'),
    CLAUDE_CODE_TMPDIR: home,
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_API_KEY: 'dummy',
    CLAUDE_CODE_MAX_RETRIES: '1',
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
    CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    BUN_FEATURE_FLAG_NO_ORPHANS: '1',
  };
  const defaults: Options = {
    cwd: workspace,
    env,
    model: 'claude-sonnet-4-5',
    thinking: { type: 'disabled' },
    tools: ['Read', 'Grep', 'Glob'],
    permissionMode: 'dontAsk',
    allowedTools: ['Read', 'Grep', 'Glob'],
    settingSources: [],
    strictMcpConfig: true,
    verbatimPrompts: true,
    persistSession: false,
    includePartialMessages: true,
  };
  return {
    workspace,
    start(prompt, options = {}) {
      return query({ prompt, options: { ...defaults, ...options, env: { ...env, ...options.env } } });
    },
    prestart: () => startup({ options: defaults }),
    async [Symbol.asyncDispose]() {
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

interface Watched {
  readonly messages: SDKMessage[];
  readonly result: SDKResultMessage | undefined;
}

/** Reads all messages of a run, and its result. Errors that the SDK throws after an error result are ignored. */
export async function watch(run: Query, onMessage?: (message: SDKMessage) => Promise<void>): Promise<Watched> {
  const messages: SDKMessage[] = [];
  let result: SDKResultMessage | undefined;
  try {
    for await (const message of run) {
      messages.push(message);
      if (message.type === 'result') result = message;
      await onMessage?.(message);
    }
  } catch (cause) {
    if (result === undefined) throw cause;
  }
  return { messages, result };
}
