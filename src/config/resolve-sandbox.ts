import path from 'node:path';
import type { FieldError } from '../core/errors.ts';
import { isWithin } from '../core/paths.ts';
import type { Agent, Sandbox } from './config.ts';
import { canWrite } from './resolve-tools.ts';
import { sandboxSchema } from './sandbox-schema.ts';
import type { AgentSettings } from './schema.ts';

/** Returns the sandbox that an agent asks for, or the default for its tools. */
export function resolveSandbox({ sandbox: given, tools }: AgentSettings, baseDir: string): Sandbox | null {
  if (given === false || (given === undefined && !canWrite(tools))) return null;
  const { required, network, files, pids, cpus, openFiles, diskMb } =
    typeof given === 'object' ? given : sandboxSchema.parse({ required: given === 'required' });
  const toAbsolute = (places: readonly string[]) => places.map((place) => path.resolve(baseDir, place));
  return {
    isRequired: required,
    allow: network.allow,
    read: toAbsolute(files.read),
    write: toAbsolute(files.write),
    pids,
    cpus,
    openFiles,
    diskMb,
  };
}

/** Returns an error for each path that would show Longhaul's own files, or the whole machine, in a sandbox. */
export function findSandboxErrors(agents: ReadonlyMap<string, Agent>, dataDir: string): FieldError[] {
  return [...agents.values()].flatMap(({ name, sandbox }) =>
    (['read', 'write'] as const).flatMap((access) =>
      (sandbox?.[access] ?? []).flatMap((place): FieldError[] => {
        const at = `agents.${name}.sandbox.files.${access}`;
        const received = `received ${JSON.stringify(place)}`;
        if (place === path.parse(place).root) {
          return [{ path: at, message: `must not name the root directory, which is the whole machine; ${received}` }];
        }
        if (!isWithin(place, dataDir)) return [];
        return [{ path: at, message: `must not name a path in Longhaul's data directory ${dataDir}; ${received}` }];
      }),
    ),
  );
}
