import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isWithin } from '../../core/paths.ts';

/** A path in the sandbox's file system, as it exists on this machine now, with its links resolved. */
export interface RootEntry {
  readonly path: string;
  readonly isDirectory: boolean;
  /** `hidden`: covered by an empty directory or file, although it lies in a visible directory. */
  readonly access: 'read' | 'write' | 'hidden';
}

interface RootOptions {
  readonly entries: readonly RootEntry[];
  /** The directory that the processes see as `/tmp`. */
  readonly tmpDir: string;
  /** The directory that `writeEtc` has filled. */
  readonly etcDir: string;
}

/** Directories of the system's programs and their data. A link to one of the others stays a link. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/**
 * The parts of `/etc` that programs need. The rest stays hidden: it describes the machine, and may contain secrets that the
 * worker's user can read.
 */
const ETC = [
  'alternatives',
  'ca-certificates',
  'ca-certificates.conf',
  'crypto-policies',
  'debian_version',
  'alpine-release',
  'fonts',
  'gai.conf',
  'ImageMagick-6',
  'java',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'locale.alias',
  'localtime',
  'magic',
  'mime.types',
  'nsswitch.conf',
  'os-release',
  'perl',
  'pki/ca-trust/extracted',
  'pki/tls/cert.pem',
  'pki/tls/certs',
  'pki/tls/openssl.cnf',
  'protocols',
  'python3',
  'services',
  'ssl/cert.pem',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'timezone',
];

/** Directories to which a link in `/etc` may lead. */
const LINK_TARGETS = ['/usr', '/etc'];

/** Files of `/etc` that name people and machines: the sandbox has its own. */
const ETC_FILES = ['passwd', 'group', 'hosts'] as const;

/** In memory: space for programs that share memory by name. Each file counts for the limit of the disk. */
const SHARED_MEMORY = ['--size', String(64 * 1_048_576), '--tmpfs', '/dev/shm'];

const KERNEL = ['--proc', '/proc', '--dev', '/dev', ...SHARED_MEMORY];

/**
 * Builds the arguments with which `bwrap` makes the file system of a sandbox. The outer entries come first, so that the
 * deepest path that contains a file decides. Nothing outside the entries with `write` can be written, not even the root
 * directory, which is in memory.
 */
export function toRootArgs({ entries, tmpDir, etcDir }: RootOptions): string[] {
  const ordered = entries
    .filter((entry) => entry.access !== 'read' || !SYSTEM.some((system) => isWithin(entry.path, system)))
    .toSorted((a, b) => a.path.length - b.path.length || RANK[a.access] - RANK[b.access]);
  const visible = ordered.filter(({ access }) => access !== 'hidden');
  const covered = ordered.filter(
    (entry) => entry.access === 'hidden' && visible.some((other) => isWithin(entry.path, other.path)),
  );
  return [
    ...SYSTEM.flatMap(toSystemArgs),
    ...toEtcArgs(etcDir),
    ...KERNEL,
    '--bind',
    tmpDir,
    '/tmp',
    ...ordered.filter((entry) => entry.access !== 'hidden' || covered.includes(entry)).flatMap(toEntryArgs),
    // Last, because the places of entries in them must be made. Root without capabilities could still write to `/proc/sys`.
    ...[...covered.filter(({ isDirectory }) => isDirectory).map((entry) => entry.path), '/dev', '/proc', '/'].flatMap(
      (place) => ['--remount-ro', place],
    ),
  ];
}

/** Of two entries with the same path, the later one counts. */
const RANK = { read: 0, write: 1, hidden: 2 } as const;

function toEntryArgs({ path: place, isDirectory, access }: RootEntry): string[] {
  if (access === 'hidden') return isDirectory ? ['--tmpfs', place] : ['--ro-bind', '/dev/null', place];
  if (place.startsWith('/dev/')) return ['--dev-bind', place, place];
  return [access === 'read' ? '--ro-bind' : '--bind', place, place];
}

function toSystemArgs(place: string): string[] {
  const stats = lstatSync(place, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  if (!stats.isSymbolicLink()) return ['--ro-bind', place, place];
  return ['--symlink', readlinkSync(place), place];
}

function toEtcArgs(etcDir: string): string[] {
  return [
    ...ETC.flatMap((name) => {
      const place = `/etc/${name}`;
      const stats = lstatSync(place, { throwIfNoEntry: false });
      if (stats === undefined) return [];
      if (!stats.isSymbolicLink()) return ['--ro-bind', place, place];
      const target = readlinkSync(place);
      const isInside = LINK_TARGETS.some((directory) => isWithin(path.resolve(path.dirname(place), target), directory));
      // A link to somewhere else, as on some systems, is followed.
      if (isInside) return ['--symlink', target, place];
      return existsSync(place) ? ['--ro-bind', place, place] : [];
    }),
    ...ETC_FILES.flatMap((name) => ['--ro-bind', `${etcDir}/${name}`, `/etc/${name}`]),
  ];
}

/** Writes the files of `ETC_FILES`, in which only the worker's own user exists. */
export async function writeEtc(etcDir: string, home: string): Promise<void> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const name = uid === 0 ? 'root' : 'agent';
  const texts: Record<(typeof ETC_FILES)[number], string> = {
    passwd: `${name}:x:${uid}:${gid}::${home}:/bin/sh\n`,
    group: `${name}:x:${gid}:\n`,
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
  };
  await mkdir(etcDir, { recursive: true });
  await Promise.all(ETC_FILES.map((file) => writeFile(path.join(etcDir, file), texts[file])));
}
