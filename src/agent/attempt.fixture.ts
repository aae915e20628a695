import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Agent } from '../config/config.ts';
import { createId } from '../core/ids.ts';
import type { EventData, EventType, NewEvent } from '../core/events.ts';
import type { RunLimits } from '../core/limits.ts';
import type { AgentSpec } from './agent-spec.ts';
import { startClaude, type ClaudeProcess, type ClaudeSpec } from './process/claude-process.ts';
import { openSpawner } from './spawner/spawner.ts';
import { listProcesses } from './process-tree/process-table.ts';

const LIMITS: RunLimits = {
  maxBudgetUsd: 1,
  maxTurns: 15,
  maxThinkingTokens: 16_000,
  timeoutSeconds: 60,
  maxMemoryMb: 2_048,
  maxPromptLength: 5_000,
};

/** Ends with this process. */
const spawner = openSpawner();

interface AttemptOptions {
  /** The address for model calls. Defaults to an address without a server. */
  readonly url?: string;
  readonly agent?: Partial<Agent>;
  readonly limits?: Partial<RunLimits>;
  readonly spec?: Partial<AgentSpec>;
}

/** Creates an attempt with its own directories, which are removed with it, and a list of its events. */
export async function createAttempt({ url = 'http://127.0.0.1:9', agent, limits, spec }: AttemptOptions = {}) {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-agent-')));
  const workspaceDir = await realpath(await mkdtemp(path.join(root, 'workspace-')));
  const events: NewEvent[] = [];
  const listeners = new Set<(event: NewEvent) => void>();
  const waiting = new Set<ClaudeProcess>();
  const fullSpec: AgentSpec = {
    attemptId: createId(),
    runId: createId(),
    sessionId: createId(),
    prompt: 'Do it.',
    agent: createAgent(agent),
    limits: { ...LIMITS, ...limits },
    workspaceDir,
    gateway: { url, token: 'token-of-the-attempt' },
    providerFailure: () => null,
    claudePath: undefined,
    scratchRoot: path.join(root, 'scratch'),
    spawner,
    onEvent(event) {
      events.push(event);
      for (const listener of listeners) listener(event);
    },
    ...spec,
  };
  return {
    spec: fullSpec,
    root,
    workspaceDir,
    events,
    /** The data of all events of one type so far. */
    dataOf: <T extends EventType>(type: T): EventData[T][] =>
      events.flatMap((event) => (event.type === type ? [event.data as EventData[T]] : [])),
    /** Resolves with the first event of a type, including past events. */
    untilEvent: (type: EventType): Promise<void> =>
      new Promise((resolve) => {
        const listener = (event: NewEvent) => {
          if (event.type !== type) return;
          listeners.delete(listener);
          resolve();
        };
        listeners.add(listener);
        events.forEach(listener);
      }),
    /** Lists the processes that work for the attempt now. */
    processes: async () => (await listProcesses()).filter((entry) => entry.attemptId === fullSpec.attemptId),
    /** Pre-starts a process for `spec.process`, under its own mark. */
    startSpare(more: Partial<ClaudeSpec> = {}): ClaudeProcess {
      const ids = { processId: createId(), claudeSessionId: createId() };
      const spare = startClaude({ ...fullSpec, ...ids, resumeFrom: null, ...more });
      waiting.add(spare);
      return spare;
    },
    /** Ends a process that was kept, together with the attempt. */
    endLater: (kept: ClaudeProcess) => void waiting.add(kept),
    async [Symbol.asyncDispose]() {
      await Promise.all([...waiting].map((process) => process.close()));
      await rm(root, { recursive: true, force: true });
    },
  };
}

function createAgent(agent: Partial<Agent> = {}): Agent {
  return {
    name: 'tester',
    model: 'claude-sonnet-4-5',
    provider: 'default',
    tools: [],
    ask: [],
    approvals: { holdSeconds: 20, expireSeconds: 600 },
    hooks: {},
    hookTimeoutSeconds: 30,
    mcpServers: [],
    subagents: [],
    outputSchema: null,
    permissionMode: 'dontAsk',
    workspace: { root: '/', mode: 'shared', from: null },
    sandbox: null,
    limits: LIMITS,
    concurrent: null,
    retry: { maxAttempts: 3, delaysSeconds: [10, 30, 60], deadlineSeconds: 600, isContinued: true },
    prewarm: 0,
    keepWarmSeconds: 0,
    isReused: false,
    whileBusy: 'enqueue',
    systemPrompt: null,
    effort: 'medium',
    thinking: 'enabled',
    settingSources: [],
    env: {},
    queue: 'tester',
    ...agent,
  };
}

/** Returns a fake executable. Fakes are used only for behaviour that the real executable cannot be made to show. */
export function fakeClaude(name: string): string {
  return path.resolve(import.meta.dirname, '../../test/fixtures', `claude-${name}.sh`);
}
