import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { toMessage } from '../../core/errors.ts';
import type { Subject } from '../check.ts';
import { readService, type Service } from './services.ts';
import { readSupervisorPrograms, type SupervisorProgram } from './supervisor-rpc.ts';
import { findUnit, readSystemdUnit, type SystemdUnit } from './systemd-unit.ts';

/** The supervisor of a process, with its settings in force where they can be read. */
export type Supervision =
  | { readonly kind: 'supervisor'; readonly program: SupervisorProgram; readonly service: SystemdUnit | null }
  | { readonly kind: 'systemd'; readonly unit: SystemdUnit }
  /** There is one, but its settings cannot be read here. */
  | { readonly kind: 'unreadable'; readonly name: string; readonly reason: string }
  | { readonly kind: 'none'; readonly reason: string };

/**
 * Finds the supervisor of each Longhaul process on this machine. Without such a process it is the supervisor of this
 * very process, for a server that examines itself, or none.
 */
export async function findSupervision({
  findServices,
  signal,
}: Pick<Subject, 'findServices' | 'signal'>): Promise<Supervision[]> {
  const services = await findServices();
  if (services.length > 0) return Promise.all(services.map((service) => readSupervision(service, signal)));
  const own = await readService(process.pid);
  const found = own === null ? none('no process of Longhaul runs here') : await readSupervision(own, signal);
  return [found.kind === 'none' ? none('no process of Longhaul runs here') : found];
}

const none = (reason: string): Supervision => ({ kind: 'none', reason });

async function readSupervision({ pid, env, cgroup }: Service, signal: AbortSignal): Promise<Supervision> {
  if (env === null) {
    const reason = `process ${pid} belongs to another user; run this as that user, or as root`;
    return { kind: 'unreadable', name: 'unknown', reason };
  }
  // A supervisor under systemd passes the variables of systemd on, so it is looked for first.
  if (env['SUPERVISOR_ENABLED'] === '1') return readSupervisor(env, { cgroup, signal });
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined) {
    const reason = 'a pod cannot read its terminationGracePeriodSeconds';
    return { kind: 'unreadable', name: 'Kubernetes', reason };
  }
  const unit = findUnit(cgroup);
  if (unit !== null && env['INVOCATION_ID'] !== undefined) return readUnit(unit, { cgroup, signal });
  // Podman sets the variable, and hides its file from a container with a read-only root file system.
  const isContainer = existsSync('/.dockerenv') || existsSync('/run/.containerenv') || env['container'] !== undefined;
  // Its first process is the service, or an init with it as a child.
  if (isContainer && (pid === 1 || (await readParent(pid)) === 1)) {
    return {
      kind: 'unreadable',
      name: 'a container',
      reason: 'a container cannot read its stop timeout and restart policy',
    };
  }
  return none(`process ${pid} was started by hand`);
}

async function readSupervisor(
  env: Readonly<Record<string, string>>,
  { cgroup, signal }: { cgroup: string; signal: AbortSignal },
): Promise<Supervision> {
  const serverUrl = env['SUPERVISOR_SERVER_URL'] ?? '';
  const [group, name] = [env['SUPERVISOR_GROUP_NAME'], env['SUPERVISOR_PROCESS_NAME']];
  const unreadable = (reason: string): Supervision => ({ kind: 'unreadable', name: 'Supervisor', reason });
  try {
    const programs = await readSupervisorPrograms({ serverUrl, signal });
    const program = programs.find((one) => one.name === name && one.group === group);
    if (program === undefined) return unreadable(`Supervisor has no program ${name}`);
    // Debian runs Supervisor as a service whose own stop timeout surrounds that of the program.
    const unit = findUnit(cgroup);
    const service = unit === null ? null : await readSystemdUnit(unit, { signal, isOfUser: false });
    return { kind: 'supervisor', program, service };
  } catch (error) {
    return unreadable(`its socket cannot be read (${toMessage(error)}); run this as root`);
  }
}

async function readUnit(
  unit: string,
  { cgroup, signal }: { cgroup: string; signal: AbortSignal },
): Promise<Supervision> {
  const read = await readSystemdUnit(unit, { signal, isOfUser: /user@\d+\.service/.test(cgroup) });
  return read === null
    ? { kind: 'unreadable', name: `systemd (${unit})`, reason: 'systemctl show does not answer' }
    : { kind: 'systemd', unit: read };
}

async function readParent(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  const parent = /^PPid:\s+(\d+)$/m.exec(status)?.[1];
  return parent === undefined ? null : Number(parent);
}
