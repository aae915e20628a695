import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import type { Places } from '../agent/containment/places.ts';
import type { Config } from '../config/config.ts';
import { CONFIG_FILES } from '../config/load.ts';
import { isWithin } from '../core/paths.ts';
import { findDoors } from './doors.ts';

interface AgentPlacesOptions {
  readonly config: Pick<Config, 'file' | 'dataDir' | 'secretPlaces' | 'providers'> & {
    readonly worker: Pick<Config['worker'], 'visiblePaths'>;
  };
  /** The directory that contains the private directories of all attempts. Each attempt sees its own. */
  readonly scratchRoot: string;
  /** The worker's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The home directories of the worker's user. Defaults to the system's entry and the variable `HOME`. */
  readonly homes?: readonly string[];
  /** The shared directory for temporary files. Defaults to the system's. */
  readonly temporary?: string;
  /** The directories in which services keep their sockets. Defaults to the system's. */
  readonly runtimeDirs?: readonly string[];
}

/**
 * Creates the function that lists what no agent sees of this worker's machine: Longhaul's data directory and
 * configuration, the worker's credentials for other systems, its home, and other processes' temporary files. The
 * function reads the file system at each call.
 */
export function createAgentPlaces(options: AgentPlacesOptions): () => Promise<Places> {
  const { config, scratchRoot, env, homes = findHomes(), temporary = tmpdir(), runtimeDirs } = options;
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
  const doors = [...config.secretPlaces, ...findCredentialFiles(config.providers, env), ...findDoors(env, runtimeDirs)];
  const secretsIn = [...new Set([configDir, process.cwd(), ...applicationDirs])];
  return async () => ({
    secret: [
      config.dataDir,
      scratchRoot,
      ...(await without(doors, visiblePaths)),
      ...(await findSecretFiles(config.file, secretsIn)),
    ],
    hidden: [...homes, ...(await Promise.all(homes.filter((home) => shown.includes(home)).map(findDotEntries))).flat()],
    temporary: [...new Set(['/tmp', temporary])],
    shown,
    programs: [
      ...visiblePaths,
      path.dirname(process.execPath),
      ...coverings.flatMap((covering) => findProgramDirs(env['PATH'] ?? '', covering)),
      ...findOtherProgramDirs(env['PATH'] ?? '', coverings),
    ],
    application: findApplicationDir(configDir, path.parse(configDir).root),
  });
}

/** Variables that name a file with the worker's credentials for another system. */
const CREDENTIAL_VARIABLES = [
  'GOOGLE_APPLICATION_CREDENTIALS',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONFIG_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'PGPASSFILE',
  'REGISTRY_AUTH_FILE',
  'KUBECONFIG',
];

/** Home directories of system users, which are shared with everyone. */
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
    // The system has no entry for this user, as in many containers.
  }
  return [...new Set([homedir(), ofUser])].filter((home) => path.isAbsolute(home) && !NO_HOMES.has(home));
}

/**
 * Finds the outermost package directory below `covering` that contains the configuration; agents may start programs
 * from it.
 */
function findApplicationDir(configDir: string, covering: string): string[] {
  if (!isWithin(configDir, covering)) return [];
  let found = configDir;
  for (let place = configDir; place !== covering; place = path.dirname(place)) {
    if (existsSync(path.join(place, 'package.json')) || existsSync(path.join(place, 'node_modules'))) found = place;
  }
  return [found];
}

/** Finds the program directories below `covering`, with what is installed beside them. */
function findProgramDirs(variable: string, covering: string): string[] {
  const mixed = new Set([covering, path.join(covering, '.local'), path.join(covering, '.cargo')]);
  return variable
    .split(path.delimiter)
    .filter((directory) => path.isAbsolute(directory) && isWithin(directory, covering))
    .flatMap((directory) => {
      const parent = path.dirname(path.resolve(directory));
      if (!isWithin(parent, covering)) return [directory];
      // In a directory that also holds other files, only the parts that belong to the programs are shown.
      return mixed.has(parent) ? [directory, path.join(parent, 'lib')] : [parent];
    });
}

/** Finds the program directories elsewhere, with their libraries: what else is beside them is not known. */
function findOtherProgramDirs(variable: string, coverings: readonly string[]): string[] {
  return variable
    .split(path.delimiter)
    .filter((directory) => path.isAbsolute(directory) && !coverings.some((place) => isWithin(directory, place)))
    .flatMap((directory) => {
      const parent = path.dirname(path.resolve(directory));
      return path.basename(parent) === 'node_modules' ? [parent] : [directory, path.join(parent, 'lib')];
    });
}

function findCredentialFiles(providers: Config['providers'], env: AgentPlacesOptions['env']): string[] {
  const keyFiles = [...providers.values()].map((provider) => (provider.kind === 'vertex' ? provider.keyFile : null));
  // `KUBECONFIG` may be a list.
  const named = CREDENTIAL_VARIABLES.flatMap((name) => (env[name] ?? '').split(path.delimiter));
  return [...keyFiles, ...named].filter((file) => typeof file === 'string' && path.isAbsolute(file)) as string[];
}

/** Returns the places that are not among others, however either is spelled. */
async function without(places: readonly string[], others: readonly string[]): Promise<string[]> {
  const resolve = (place: string) => realpath(place).catch(() => place);
  const excluded = new Set(await Promise.all(others.map(resolve)));
  const resolved = await Promise.all(places.map(resolve));
  return places.filter((_, index) => !excluded.has(resolved[index] as string));
}

/** Finds the configuration and the `.env` files beside it. */
async function findSecretFiles(file: string | null, directories: readonly string[]): Promise<string[]> {
  const lists = directories.map(async (directory) => {
    const names = await readdir(directory).catch(() => []);
    return names
      .filter((name) => name === '.env' || name.startsWith('.env.') || CONFIG_FILES.includes(name))
      .map((name) => path.join(directory, name));
  });
  return [...(file === null ? [] : [file]), ...(await Promise.all(lists)).flat()];
}

/**
 * Lists settings and credentials of programs. They are hidden even when the home itself is the application's directory.
 */
async function findDotEntries(home: string): Promise<string[]> {
  const names = await readdir(home).catch(() => []);
  return names.filter((name) => name.startsWith('.')).map((name) => path.join(home, name));
}
