import { query, type Options, type Query } from '@anthropic-ai/claude-agent-sdk';
import type { ToolRun } from '../../config/tool-hooks.ts';
import { toMessage } from '../../core/errors.ts';
import { guarded, inBackground } from '../../core/guard.ts';
import { findMachineFault } from '../../core/machine-fault.ts';
import { toStorable } from '../../core/text.ts';
import { toFields, toText } from '../../core/untyped.ts';
import { parseResult } from '../messages/result.ts';
import type { Refusal, Thrown } from '../outcome/agent-outcome.ts';
import { toAgentOptions } from './agent-options.ts';
import type { Launch } from './claude-spec.ts';
import type { ClaudeState } from './claude-state.ts';
import { enclose } from './enclose.ts';
import type { Enclosure } from './enclosure.ts';
import { toEnvironment } from './environment.ts';
import { killAttempt } from '../process-tree/kill-processes.ts';
import { toMcpServers } from './mcp-servers.ts';
import { preflight } from './preflight.ts';
import type { SandboxConnection } from '../sandbox/sandbox-host.ts';
import { createScratch, type Scratch } from './scratch.ts';
import { spawnClaude } from './spawn-claude.ts';
import { directSpawner } from '../spawner/spawner.ts';
import { createToolUseGate } from '../tools/tool-use-gate.ts';

/** Starts the executable. Never rejects: a failure is a refusal, or the SDK's error. */
export async function launchClaude(state: ClaudeState): Promise<Launch> {
  const { processId, log } = state.spec;
  try {
    return await launch(state);
  } catch (error) {
    log?.error({ processId, error: toMessage(error) }, 'a process could not be started');
    await killAttempt(processId);
    const fault = findMachineFault(state.spawnFailure) ?? findMachineFault(error);
    return { refusal: { ...notStarted(toStorable(toMessage(error))), ...(fault !== null && { fault }) } };
  }
}

async function launch(state: ClaudeState): Promise<Launch> {
  const prepared = await prepare(state);
  if ('refusal' in prepared) return prepared;
  if (state.ending !== null) return { refusal: notStarted('it was ended before it was started') };
  const conversation = openConversation(state, prepared);
  state.conversation = conversation;
  conversation.initializationResult().then(
    () => {
      state.firstWord.resolve();
      prepared.enclosure.noteStarted();
    },
    () => undefined, // `listen` reports the failure.
  );
  inBackground(() => listen(state, conversation));
  return Promise.race([
    state.spawned.promise.then((child) => ({ child })),
    state.listened.promise.then((thrown) => ({ thrown })),
  ]);
}

/** Everything that a start needs. */
interface Prepared {
  readonly executable: string;
  readonly scratch: Scratch;
  readonly mcpServers: Readonly<NonNullable<Options['mcpServers']>>;
  readonly enclosure: Enclosure;
}

/** Checks and makes everything that a start needs, the cheapest first. */
async function prepare(state: ClaudeState): Promise<Prepared | { readonly refusal: Refusal }> {
  const { spec, toolResults, customResults } = state;
  const { resumeFrom } = spec;
  const found = await preflight(spec);
  if ('status' in found) return { refusal: found };
  const mcp = toMcpServers(spec.agent, { run: () => currentRun(state), customResults });
  if ('refusal' in mcp) return mcp;
  const scratch = await createScratch(spec);
  state.scratch = scratch;
  const { executable } = found;
  if (resumeFrom?.loadFiles) await toolResults.restore(await resumeFrom.loadFiles(), spec.claudeSessionId);
  const onConnection = guarded((connection: SandboxConnection) => state.receiver?.noteConnection(connection));
  const enclosure = await enclose({ spec, scratch, executable, onConnection });
  if ('refusal' in enclosure) return enclosure;
  state.enclosure = enclosure;
  return { executable, scratch, mcpServers: mcp.servers, enclosure };
}

function currentRun({ receiver }: ClaudeState): ToolRun {
  if (receiver === null) throw new Error('No run is in progress. Call this only from a tool while it runs.');
  return receiver.run;
}

/** With a stream of prompts the executable starts at once, and is ready before the first prompt. */
function openConversation(state: ClaudeState, prepared: Prepared): Query {
  const { spec, prompts, store, toolResults, customResults, ended } = state;
  const { agent, workspaceDir, log } = spec;
  const { executable, scratch, mcpServers, enclosure } = prepared;
  return query({
    prompt: prompts,
    options: toAgentOptions({
      spec,
      executable,
      isNetworkHeld: enclosure.watched !== null,
      environment: toEnvironment({ spec, scratch, needed: enclosure.environment, log }),
      gate: createToolUseGate({
        agent,
        workspaceDir,
        toolResults,
        customResults,
        receiver: () => state.receiver,
        endSignal: ended.signal,
        log,
      }),
      mcpServers,
      store: store.sdkStore,
      spawn: (request) => spawn(state, { request, prepared }),
    }),
  });
}

type Spawn = NonNullable<Options['spawnClaudeCodeProcess']>;

/** Starts the executable for the SDK. */
function spawn(
  state: ClaudeState,
  { request, prepared: { enclosure } }: { request: Parameters<Spawn>[0]; prepared: Prepared },
): ReturnType<Spawn> {
  // For a resumed conversation, the SDK makes its own configuration directory.
  const configDir = request.env['CLAUDE_CONFIG_DIR'];
  try {
    if (configDir !== undefined) state.toolResults.useConfigDir(configDir);
    const { workspaceDir, spawner = directSpawner } = state.spec;
    const child = spawnClaude({ request, enclosure, configDir: configDir ?? workspaceDir, spawner });
    state.child = child;
    state.spawned.resolve(child.started.then(() => child));
    return child.process;
  } catch (error) {
    state.spawnFailure = error;
    throw error;
  }
}

/** Receives every message until the process ends. */
async function listen(state: ClaudeState, messages: AsyncIterable<unknown>): Promise<void> {
  let thrown: Thrown | null = null;
  try {
    for await (const message of messages) {
      state.firstWord.resolve();
      state.listener?.hear(message);
      if (toFields(message)['type'] === 'result') state.spent = parseResult(message);
    }
  } catch (error) {
    const { child, spawnFailure } = state;
    // Present on the SDK's errors, though not in its types.
    thrown = {
      errorClass: toText(toFields(error)['errorClass']),
      message: toStorable(toMessage(error)),
      fault: findMachineFault(child?.failure) ?? findMachineFault(spawnFailure) ?? findMachineFault(error),
    };
  }
  state.listened.resolve(thrown);
}

function notStarted(detail: string): Refusal {
  return { status: 'failed', code: 'cli_start_failed', detail };
}
