import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { parseDestination } from '../core/destination.ts';
import { positive } from './option-values.ts';

const NOT_A_DESTINATION =
  'must be a host such as "registry.example.com", "*.example.org" or "db.internal:5432", an address, or a network such as "10.1.0.0/16"';

const destination = () => z.string('must be a text').refine(isDestination, NOT_A_DESTINATION);
const path = () => z.string('must be a path').min(1, 'must be a path');

/**
 * The sandbox of an agent's processes: their own file system, network and limits, held from outside by the system. See
 * [sandbox](sandbox.md).
 */
export const sandboxSchema = z.strictObject({
  /** Set to true to refuse to run the agent on a machine that cannot hold the sandbox. Defaults to false. */
  required: z.boolean('must be true or false').default(false),
  network: z
    .strictObject({
      /**
       * Hosts that the agent may reach, through a proxy in the worker: names, `*.` before a domain for every name in it,
       * addresses and networks. A port may follow, `registry.example.com:8080`; without one, 443 and 80 are allowed. A
       * name that leads to a private address also needs the address or its network in the list. Defaults to none: only
       * the model can be reached.
       */
      allow: z
        .array(destination(), 'must be a list of hosts, addresses and networks')
        .max(1_000, 'must have at most 1000 entries')
        .transform((places) => places.map((place) => place.toLowerCase()))
        .default([]),
    })
    .prefault({}),
  files: z
    .strictObject({
      /**
       * Files and directories that the agent may read, besides its workspace, the system's programs and those in `PATH`.
       * Relative to the config file. Defaults to none.
       */
      read: z.array(path(), 'must be a list of paths').default([]),
      /** Files and directories that the agent may also write. Relative to the config file. Defaults to none. */
      write: z.array(path(), 'must be a list of paths').default([]),
    })
    .prefault({}),
  /** Processes and threads that a run may have at once, together. Defaults to 512. */
  pids: positive().max(1_000_000, 'must be at most 1000000').default(512),
  /**
   * Processors that a run may use, such as 2 or 0.5, on workers that have [control
   * groups](sandbox.md#control-groups). Defaults to no limit.
   */
  cpus: z
    .number('must be a number of processors')
    .min(0.01, 'must be at least 0.01')
    .max(1_024, 'must be at most 1024')
    .nullable()
    .default(null),
  /** Files that the processes of a run may have open at once, together. Defaults to 16,384. */
  openFiles: positive().min(256, 'must be at least 256').max(1_000_000, 'must be at most 1000000').default(16_384),
  /**
   * Space that a run may take up with what it writes to its workspace and its temporary files, in megabytes (10^6
   * bytes). Defaults to 2,048.
   */
  diskMb: positive().max(10_000_000, 'must be at most 10000000').default(2_048),
});

function isDestination(value: string): boolean {
  if (value.includes('/')) return ipaddr.isValidCIDR(value);
  const { host, port } = parseDestination(value);
  if (port !== null && (port < 1 || port > 65_535)) return false;
  return isIP(host) !== 0 || /^(?=.{1,253}$)(?!.*\.\d+$)(\*\.)?[a-z\d_-]{1,63}(\.[a-z\d_-]{1,63})*$/i.test(host);
}
