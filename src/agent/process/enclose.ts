import { realpathSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Sandbox } from '../../config/config.ts';
import { contain, dropsCapabilities, findContainment } from '../containment/containment.ts';
import { NOTHING_HIDDEN, type Places } from '../containment/places.ts';
import { resolvePlace } from '../containment/resolve-place.ts';
import { findControlGroups, type GroupLimits } from '../sandbox/control-groups.ts';
import { findLoopbackServers, LOOPBACK } from '../sandbox/server-addresses.ts';
import type { SandboxConnection, SandboxHost } from '../sandbox/sandbox-host.ts';
import { writeEtc, type RootEntry } from '../sandbox/sandbox-root.ts';
import { findSandbox, toSandboxCommand } from '../sandbox/sandbox.ts';
import type { Refusal } from '../outcome/agent-outcome.ts';
import type { ClaudeSpec } from './claude-spec.ts';
import type { Enclosure } from './enclosure.ts';
import { refuseClosedToRoot } from './closed-to-root.ts';
import { hidePlaces } from './hide-places.ts';
import { toMaxBytes } from './keep-process.ts';
import type { Scratch } from './scratch.ts';

interface EncloseOptions {
  readonly spec: ClaudeSpec;
  readonly scratch: Scratch;
  readonly executable: string;
  readonly onConnection: (connection: SandboxConnection) => void;
}

/** Prepares the walls around a process, or returns the reason why it must not be started. */
export async function enclose(options: EncloseOptions): Promise<Enclosure | { readonly refusal: Refusal }> {
  const { spec } = options;
  const closed = await findClosed(spec);
  if (closed !== null) return { refusal: closed };
  const { sandbox } = spec.agent;
  if (sandbox === null) return containOnly(options);
  const found = await findSandbox();
  const { sandboxHost: host } = spec;
  if ('kind' in found && host !== undefined) return openSandbox({ ...options, sandbox, host, kind: found.kind });
  if (!sandbox.isRequired) return containOnly(options);
  const missing = 'missing' in found ? found.missing : 'nothing serves its network';
  const detail = `agent "${spec.agent.name}" requires a sandbox: ${missing}`;
  return { refusal: { status: 'failed', code: 'sandbox_unavailable', detail } };
}

async function findClosed(spec: ClaudeSpec): Promise<Refusal | null> {
  const containment = spec.containment ?? (await findContainment());
  return dropsCapabilities(containment) ? refuseClosedToRoot(spec) : null;
}

/** Hides places from the process, if the machine allows that. */
async function containOnly({ spec, scratch, executable }: EncloseOptions): Promise<Enclosure> {
  const { workspaceDir, processId } = spec;
  const containment = spec.containment ?? (await findContainment());
  const places = (await spec.findPlaces?.()) ?? NOTHING_HIDDEN;
  const hide = await hidePlaces({ places, scratch, workspaceDir, executable, processId });
  return {
    isNamespace: containment.isNamespace,
    environment: {},
    watched: null,
    toCommand: ({ command, cwd, configDir }) => contain(containment, { command, cwd, mountTable: hide(configDir) }),
    noteStarted() {},
    async close() {},
  };
}

/** The port of the proxy in each sandbox; the next free port if another server has it. */
const PROXY_PORT = 3_128;

/** Loopback is the sandbox's own: what listens there was started by the agent itself, or is served by the worker. */
const NO_PROXY = [...LOOPBACK].join(',');

interface SandboxOptions extends EncloseOptions {
  readonly sandbox: Sandbox;
  readonly host: SandboxHost;
  readonly kind: Parameters<typeof toSandboxCommand>[0]['kind'];
}

async function openSandbox(options: SandboxOptions): Promise<Enclosure> {
  const { spec, scratch, executable, sandbox, host, kind, onConnection } = options;
  const { agent, workspaceDir } = spec;
  const gatewayPort = Number(new URL(spec.gateway.url).port);
  const loopbackServers = findLoopbackServers(agent.mcpServers);
  const taken = new Set([gatewayPort, ...loopbackServers.map(({ port }) => port)]);
  let proxyPort = PROXY_PORT;
  while (taken.has(proxyPort)) proxyPort += 1;
  const etcDir = path.join(scratch.root, 'etc');
  const places = (await spec.findPlaces?.()) ?? NOTHING_HIDDEN;
  await writeEtc(etcDir, scratch.home);
  const entries = await findEntries({ places, spec, scratch, executable, sandbox });
  const group = (await (await findControlGroups())?.open(spec.processId, toGroupLimits(spec, sandbox))) ?? null;
  const ports = [...taken, proxyPort];
  // Last: nothing after it fails, so that both are always closed.
  const network = await host.takeNetwork(ports).catch(async (error: unknown) => {
    await group?.close();
    throw error;
  });
  const gate = host.openGate({ agent, onConnection });
  network.serve(gatewayPort, (socket) => host.acceptModelCall(socket));
  network.serve(proxyPort, (socket) => gate.accept(socket));
  for (const server of loopbackServers) network.serve(server.port, (socket) => gate.passOn(socket, server));
  const proxy = `http://127.0.0.1:${proxyPort}`;
  return {
    isNamespace: true,
    environment: {
      ...Object.fromEntries(
        ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => {
          const value = name === 'NO_PROXY' ? NO_PROXY : proxy;
          return [name, name.toLowerCase()].map((spelled) => [spelled, value]);
        }),
      ),
      // Node's own clients ignore the others without it.
      NODE_USE_ENV_PROXY: '1',
    },
    watched: {
      limits: sandbox,
      directories: [workspaceDir, scratch.root],
      findBreach: () => group?.findBreach() ?? null,
    },
    toCommand({ command: [program = '', ...args], cwd, configDir }) {
      const found = realpathSync(configDir);
      return toSandboxCommand({
        kind,
        group,
        network,
        entries: [...entries, { path: found, isDirectory: statSync(found).isDirectory(), access: 'write' }],
        tmpDir: scratch.tmpDir,
        etcDir,
        cwd,
        limits: sandbox,
        // Only its real place is visible.
        command: [program === executable ? realpathSync(executable) : program, ...args],
      });
    },
    noteStarted: () => network.seal(),
    async close() {
      network.close();
      await gate.close();
      await group?.close();
    },
  };
}

function toGroupLimits({ limits }: ClaudeSpec, { pids, cpus }: Sandbox): GroupLimits {
  return { pids, cpus, memoryBytes: toMaxBytes(limits.maxMemoryMb) };
}

interface EntriesOptions extends Pick<EncloseOptions, 'spec' | 'scratch' | 'executable'> {
  readonly places: Places;
  readonly sandbox: Sandbox;
}

/** Lists what exists now of the places that a sandbox shows, and of the secrets that could lie in them. */
async function findEntries({ places, spec, scratch, executable, sandbox }: EntriesOptions): Promise<RootEntry[]> {
  const { agent, workspaceDir } = spec;
  const startsPrograms = agent.mcpServers.some(({ type }) => type === 'stdio');
  const read = [
    ...places.programs,
    ...(startsPrograms ? places.application : []),
    ...sandbox.read,
    path.dirname(await realpath(executable)),
  ];
  const found = await Promise.all([
    ...read.map((place) => toEntry(place, 'read')),
    ...[...sandbox.write, workspaceDir, scratch.root].map((place) => toEntry(place, 'write')),
    ...places.secret.map((place) => toEntry(place, 'hidden')),
  ]);
  return found.filter((entry) => entry !== null);
}

async function toEntry(given: string, access: RootEntry['access']): Promise<RootEntry | null> {
  const place = await resolvePlace(given);
  return place && { ...place, access };
}
