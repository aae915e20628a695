import { readFile } from 'node:fs/promises';
import { findContainment, type FoundContainment } from '../../agent/containment/containment.ts';
import { findSandbox, type FoundSandbox } from '../../agent/sandbox/sandbox.ts';
import type { Agent } from '../../config/config.ts';
import { withoutHealthAgent } from '../../config/health-agent.ts';
import { canWrite } from '../../config/resolve-tools.ts';
import { SANDBOX_MEND } from '../../worker/report-sandboxes.ts';
import { readFreeMemory } from '../../worker/free-memory.ts';
import { ASSUMED_BYTES } from '../../run/read/read-memory-use.ts';
import { listUnprotected } from '../../worker/unprotected.ts';
import { failed, ok, warning, type Check, type Finding, type Subject } from '../check.ts';
import { runProgram } from '../machine/run-program.ts';
import { megabytes } from './megabytes.ts';

/** Of the worker's own process, measured after some runs (docs/operations.md, Memory). */
const OWN_BYTES = 250_000_000;

/** `package.json`, engines. */
const OLDEST_NODE = [22, 18] as const;

export const node: Check = {
  id: 'node',
  theme: 'machine',
  title: 'Node is new enough for every process',
  docs: 'docs/getting-started.md#install',
  async examine({ findServices, signal }) {
    const needed = OLDEST_NODE.join('.');
    if (!isNewEnough(process.version)) return failed(`Node ${process.version}`, `Install Node ${needed} or later.`);
    // `bin/longhaul.js` names the Node of PATH, which a supervisor sets by itself.
    const services = await findServices();
    const paths = [...new Set(services.map(({ env }) => env?.['PATH']).filter((one) => one !== undefined))];
    const versions = await Promise.all(
      paths.map(async (PATH) => {
        const { stdout } = await runProgram('/usr/bin/env', ['node', '--version'], { signal, env: { PATH } });
        return stdout.trim();
      }),
    );
    const old = versions.filter((version) => version !== '' && !isNewEnough(version));
    if (old.length === 0) return ok([...new Set([process.version, ...versions])].filter(Boolean).join(', '));
    return warning(
      `The PATH of a running process leads to Node ${old.join(', ')}: it may not start again`,
      `Put the directory of Node ${needed} or later first in the PATH of the supervisor's file.`,
    );
  },
};

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

export const containment: Check = {
  id: 'containment',
  theme: 'machine',
  title: 'Runs are contained',
  docs: 'docs/operations.md#what-an-agent-can-reach',
  examine: async ({ config }) => judgeContainment(await findContainment(), withBash(config.agents)),
};

export const sandbox: Check = {
  id: 'sandbox',
  theme: 'machine',
  title: 'Agents that change files run in a sandbox',
  docs: 'docs/sandbox.md',
  examine: async ({ config }) => judgeSandbox(await findSandbox(), withoutHealthAgent(config.agents)),
};

/** Judges what the machine allows against what the agents ask for. */
export function judgeSandbox(found: FoundSandbox, agents: readonly Agent[]): Finding {
  const namesOf = (some: readonly Agent[]) => some.map(({ name }) => name).join(', ');
  const wanting = agents.filter((agent) => agent.sandbox !== null);
  const open = agents.filter((agent) => agent.sandbox === null && canWrite(agent.tools));
  const turnedOff = `${namesOf(open)}: sandbox: false, with tools that change files or run commands`;
  if ('missing' in found && wanting.length > 0) {
    const isRequired = wanting.some((agent) => agent.sandbox?.isRequired === true);
    const effect = isRequired ? 'cannot run' : 'can connect anywhere, without limits on processes and disk';
    const text = [`${found.missing}: ${namesOf(wanting)} ${effect}`, ...(open.length > 0 ? [turnedOff] : [])].join(
      '; ',
    );
    return isRequired ? failed(text, SANDBOX_MEND) : warning(text, SANDBOX_MEND);
  }
  if (open.length > 0) {
    return warning(
      turnedOff,
      'Remove sandbox: false, and name what the agent needs in sandbox.network.allow and sandbox.files.',
    );
  }
  if (wanting.length === 0) return ok('No agent changes files or runs commands.');
  return ok(`${'kind' in found ? found.kind : ''}: ${namesOf(wanting)}`);
}

function withBash(agents: Subject['config']['agents']): string[] {
  return withoutHealthAgent(agents)
    .filter(({ tools }) => tools.includes('Bash'))
    .map(({ name }) => name);
}

/** Judges what the machine allows against the agents that can run commands. */
export function judgeContainment(found: FoundContainment, bashAgents: readonly string[]): Finding {
  const unprotected = listUnprotected(found, { isRoot: false });
  if (unprotected.length === 0) return ok(`${found.kind}: an agent reaches only its own run`);
  const text = `${found.kind}: ${unprotected.join('; ')}`;
  const mend =
    'Allow user namespaces to this user (kernel.unprivileged_userns_clone, or the seccomp profile of the container), or give agents no Bash.';
  if (bashAgents.length === 0) return warning(`${text}. No agent has Bash`, mend);
  const agents = `with Bash: ${bashAgents.join(', ')}`;
  return found.isNamespace ? warning(`${text}; ${agents}`, mend) : failed(`${text}; ${agents}`, mend);
}

export const root: Check = {
  id: 'root',
  theme: 'machine',
  title: 'No process runs as root',
  docs: 'docs/operations.md#what-an-agent-can-reach',
  async examine({ findServices }) {
    const services = await findServices();
    const uids = services.length > 0 ? services.map(({ uid }) => uid) : [process.getuid?.() ?? null];
    const who = services.length > 0 ? "Longhaul's processes run" : 'This process runs';
    if (!uids.includes(0)) return ok(`${who} as user ${[...new Set(uids)].join(', ')}`);
    return warning(
      `${who} as root: an agent with Bash may change the system's files`,
      'Run Longhaul as a separate user.',
    );
  },
};

export const init: Check = {
  id: 'init',
  theme: 'machine',
  title: 'Ended processes are reaped',
  docs: 'docs/operations.md#stop',
  async examine() {
    if (process.platform !== 'linux') return ok('The system reaps them.');
    const first = (await readFile('/proc/1/comm', 'utf8').catch(() => '')).trim();
    if (!/^(node|longhaul|MainThread)/.test(first)) return ok(`the first process is ${first || 'hidden'}`);
    return failed(
      `The first process of this container is ${first}, which reaps nothing: tools leave zombies`,
      'Start the container with an init: docker run --init, init: true in Compose, or tini in the image.',
    );
  },
};

export const memory: Check = {
  id: 'memory',
  theme: 'machine',
  title: 'There is memory for every slot',
  docs: 'docs/operations.md#memory',
  async examine(subject) {
    const { config, database } = subject;
    const { limitBytes, cgroupLimitBytes } = readFreeMemory();
    const measured = 'reason' in database ? null : await readPeak(database);
    const perRun = measured ?? ASSUMED_BYTES;
    const { slots } = config.worker;
    const needed = OWN_BYTES + slots * perRun;
    const source = measured === null ? 'assumed' : 'the highest of the last 200 attempts';
    const text = `${slots} slots of ${megabytes(perRun)} (${source}) and ${megabytes(OWN_BYTES)} for the worker, of ${megabytes(limitBytes)}${cgroupLimitBytes === null ? '' : ' that the control group allows'}`;
    if (needed <= limitBytes) return ok(text);
    return warning(
      `${text}: slots stay empty`,
      `Lower worker.slots to ${Math.max(1, Math.floor((limitBytes - OWN_BYTES) / perRun))}, or allow ${megabytes(needed)}.`,
    );
  },
};

async function readPeak(database: Exclude<Subject['database'], { reason: string }>): Promise<number | null> {
  const rows = await database.sql
    .selectFrom('longhaul.attempts')
    .select('peak_memory_bytes')
    .orderBy('id', 'desc')
    .limit(200)
    .execute();
  const peaks = rows.map(({ peak_memory_bytes: bytes }) => bytes ?? 0).filter((bytes) => bytes > 0);
  return peaks.length === 0 ? null : Math.max(...peaks);
}
