import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import type { Places } from '../agent/places.ts';
import type { Config } from '../config/config.ts';
import { CONFIG_FILES } from '../config/load.ts';
import { isWithin } from '../core/paths.ts';

interface AgentPlacesOptions {
  readonly config: Pick<Config, 'file' | 'dataDir' | 'providers'> & {
    readonly worker: Pick<Config['worker'], 'visiblePaths'>;
  };
  /** Where the private directories of attempts are. Each sees its own. */
  readonly scratchRoot: string;
  /** The worker's. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The homes of the worker's user. Defaults to what the system and the variable `HOME` say. */
  readonly homes?: readonly string[];
  /** Where the temporary files of all are. Defaults to the system's directory. */
  readonly temporary?: string;
}

/**
 * What no agent sees of this worker's machine: Longhaul's data directory and configuration, what lets the worker into
 * other systems, its home, and the temporary files of everyone else. The result looks again each time it is called.
 */
export function createAgentPlaces(options: AgentPlacesOptions): () => Promise<Places> {
  const { config, scratchRoot, env, homes = findHomes(), temporary = tmpdir() } = options;
  const { visiblePaths } = config.worker;
  const configDir = config.file === null ? process.cwd() : path.dirname(config.file);
  const coverings = [...homes, temporary];
  const applicationDirs = coverings.flatMap((covering) => findApplicationDir(configDir, covering));
  const shown = [
    ...visiblePaths,
    path.dirname(process.execPath),
    ...applicationDirs,
    ...coverings.flatMap((covering) => findProgramDirs(env['PATH'] ?? '', covering)),
  ];
  const doors = [...findCredentialFiles(config.providers, env), ...DOORS].filter(
    (place) => !visiblePaths.includes(place),
  );
  const secretsIn = [...new Set([configDir, process.cwd(), ...applicationDirs])];
  return async () => ({
    secret: [config.dataDir, scratchRoot, ...doors, ...(await findSecretFiles(config.file, secretsIn))],
    hidden: [...homes, ...(await Promise.all(homes.filter((home) => shown.includes(home)).map(findDotEntries))).flat()],
    temporary: [...new Set(['/tmp', temporary])],
    shown,
  });
}

/**
 * Where a process of the worker's user may have something started that is in no namespace of ours, and where
 * orchestrators put what a container's own program is to know.
 */
const DOORS = [
  '/run/docker.sock',
  '/run/containerd',
  '/run/crio',
  '/run/podman',
  '/run/systemd/private',
  '/run/dbus/system_bus_socket',
  '/run/user',
  '/run/secrets',
  '/var/run/secrets',
];

/** Variables that name a file which lets the worker into another system. */
const CREDENTIAL_VARIABLES = [
  'GOOGLE_APPLICATION_CREDENTIALS',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONFIG_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'PGPASSFILE',
];

/** System users have a home that is everyone's. */
const NO_HOMES = new Set([
  '/',
  '/bin',
  '/sbin',
  '/lib',
  '/usr',
  '/usr/bin',
  '/usr/sbin',
  '/etc',
  '/var',
  '/run',
  '/dev',
  '/proc',
  '/sys',
]);

function findHomes(): string[] {
  let ofUser = homedir();
  try {
    ofUser = userInfo().homedir;
  } catch {
    // A user that the system has no entry for, as in many containers.
  }
  return [...new Set([homedir(), ofUser])].filter((home) => path.isAbsolute(home) && !NO_HOMES.has(home));
}

/** The outermost directory of a package that the configuration is in, for what agents start from it; below `covering`. */
function findApplicationDir(configDir: string, covering: string): string[] {
  if (!isWithin(configDir, covering)) return [];
  let found = configDir;
  for (let place = configDir; place !== covering; place = path.dirname(place)) {
    if (existsSync(path.join(place, 'package.json')) || existsSync(path.join(place, 'node_modules'))) found = place;
  }
  return [found];
}

/** The directories of programs below `covering`, with what is installed beside them. */
function findProgramDirs(variable: string, covering: string): string[] {
  const mixed = new Set([covering, path.join(covering, '.local'), path.join(covering, '.cargo')]);
  return variable
    .split(path.delimiter)
    .filter((directory) => path.isAbsolute(directory) && isWithin(directory, covering))
    .flatMap((directory) => {
      const parent = path.dirname(path.resolve(directory));
      if (!isWithin(parent, covering)) return [directory];
      // Where other things are kept as well, only what belongs to the programs is shown.
      return mixed.has(parent) ? [directory, path.join(parent, 'lib')] : [parent];
    });
}

function findCredentialFiles(providers: Config['providers'], env: AgentPlacesOptions['env']): string[] {
  const keyFiles = [...providers.values()].map((provider) => (provider.kind === 'vertex' ? provider.keyFile : null));
  const named = CREDENTIAL_VARIABLES.map((name) => env[name]);
  return [...keyFiles, ...named].filter((file) => typeof file === 'string' && path.isAbsolute(file)) as string[];
}

/** The configuration, and the files of variables beside it. */
async function findSecretFiles(file: string | null, directories: readonly string[]): Promise<string[]> {
  const lists = directories.map(async (directory) => {
    const names = await readdir(directory).catch(() => []);
    return names
      .filter((name) => name === '.env' || name.startsWith('.env.') || CONFIG_FILES.includes(name))
      .map((name) => path.join(directory, name));
  });
  return [...(file === null ? [] : [file]), ...(await Promise.all(lists)).flat()];
}

/** Settings and credentials of programs: they are hidden also where the home itself is the application's directory. */
async function findDotEntries(home: string): Promise<string[]> {
  const names = await readdir(home).catch(() => []);
  return names.filter((name) => name.startsWith('.')).map((name) => path.join(home, name));
}
