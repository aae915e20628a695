import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Config } from '../../config/config.ts';
import { findPresence } from '../../core/process-identity.ts';
import { readWorkers } from '../../run/workers.ts';
import type { Database } from '../../db/database.ts';

/** A process of Longhaul on this machine, as far as this user may read it. */
export interface Service {
  readonly pid: number;
  /** Null when it belongs to another user. */
  readonly env: Readonly<Record<string, string>> | null;
  /** User id; null where it cannot be read. */
  readonly uid: number | null;
  /** Names of its control groups, as in `/proc/PID/cgroup`; empty where it cannot be read. */
  readonly cgroup: string;
}

/**
 * Finds the processes that serve this deployment on this machine: the live workers of the database that name this host,
 * and the process that holds the data directory. Empty when none runs, or outside Linux, where they cannot be read.
 */
export async function findServices(options: {
  config: Config;
  database: Database | { readonly reason: string };
  /** A process that is one of them without a doubt: the server that examines itself. */
  ownPid?: number | undefined;
}): Promise<readonly Service[]> {
  const { config, database, ownPid } = options;
  if (process.platform !== 'linux') return [];
  const workers = 'reason' in database ? [] : await readWorkers(database).catch(() => []);
  const here = workers.filter(({ host }) => host === hostname()).map(({ pid }) => pid);
  const holder = await readHolder(config);
  const services = await Promise.all(
    [...new Set([...here, ...holder, ...(ownPid === undefined ? [] : [ownPid])])].map(readService),
  );
  return services.filter((service) => service !== null);
}

/** Reads what is known about this very process, for a server that examines itself. */
export async function readService(pid: number): Promise<Service | null> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => null);
  const [status, cgroup, environ, command] = await Promise.all([
    read('status'),
    read('cgroup'),
    read('environ'),
    read('cmdline'),
  ]);
  // A pid of another container may belong to any process here.
  if (status === null || !/longhaul|node/.test(command ?? '')) return null;
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  return { pid, env: parse(environ), uid: uid === undefined ? null : Number(uid), cgroup: cgroup ?? '' };
}

function parse(environ: string | null): Service['env'] {
  if (environ === null || environ === '') return null;
  const pairs = environ.split('\0').filter((pair) => pair.includes('='));
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const),
  );
}

/** The holder of the embedded database, which one process at a time uses. */
async function readHolder({ databaseUrl, dataDir }: Config): Promise<number[]> {
  if (databaseUrl !== null) return [];
  const identity = await readFile(path.join(dataDir, 'lock'), 'utf8').catch(() => '');
  const pid = /^\d+/.exec(identity)?.[0];
  return pid !== undefined && findPresence(identity) === 'alive' ? [Number(pid)] : [];
}
