import { isWithin } from '../../core/paths.ts';
import type { KernelSurfaces } from './kernel-surfaces.ts';

/** A place as it exists on this machine now, with its links resolved. */
export interface Place {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly rule: 'secret' | 'hidden' | 'temporary' | 'shown';
}

interface MountTableOptions {
  readonly places: readonly Place[];
  /** The directory that replaces `temporary` places. */
  readonly tmpDir: string;
  /** The surfaces to close for processes of root; null for another user. */
  readonly kernel: KernelSurfaces | null;
  /** The name of the mounts. `mount --all` skips an entry that seems to be mounted already, by name and place. */
  readonly name: string;
}

/**
 * The directory in which the mounts are prepared. Every Linux has it, nothing needs it, and it lies in no hidden place,
 * because the namespace has its own `/proc`.
 */
const STAGE = '/proc/driver';

/**
 * Shell commands that mount the stage and make the mounts of the table in `$1`. `mount` reads a table only from a
 * regular file: the stage, which is in memory, keeps it, so that a full disk does not matter.
 */
export const MAKE_MOUNTS = [
  `mount -t tmpfs -o size=256k,mode=700 longhaul-stage ${STAGE}`,
  `printf %s "$1" > ${STAGE}/table`,
  `mount --all --fstab ${STAGE}/table`,
].join(' && ');

/** The cover of a directory contains only the paths to the visible places in it. */
const COVER = 'size=256k,mode=755,nosuid,nodev';

/**
 * Builds the table with which `MAKE_MOUNTS` hides `places` in a mount namespace. A hidden directory is covered by an
 * empty one, a hidden file by `/dev/null`. A visible place inside a covered directory is bound to the stage before the
 * first directory is covered, and from there to its place afterwards. The stage itself is covered last, because it
 * contains whole directories, including their hidden parts.
 */
export function toMountTable({ places, tmpDir, kernel, name }: MountTableOptions): string {
  const rules = decide(places);
  const staged: string[] = [];
  const applied: string[] = [];
  const stage = (source: string) => {
    const target = `${STAGE}/${staged.length}`;
    staged.push(toLine(source, target, 'rbind,X-mount.mkdir'));
    return target;
  };
  for (const place of rules) {
    const holder = findHolder(rules, place);
    const isCovered = holder !== undefined && holder.rule !== 'shown';
    if (place.rule === 'shown') {
      if (isCovered && place.isDirectory) applied.push(toLine(stage(place.path), place.path, 'rbind,X-mount.mkdir'));
    } else if (!isCovered) {
      applied.push(
        place.rule === 'temporary'
          ? toLine(stage(tmpDir), place.path, 'rbind')
          : place.isDirectory
            ? toLine(name, place.path, COVER, 'tmpfs')
            : toLine('/dev/null', place.path, 'bind'),
      );
    }
  }
  return [
    ...(kernel === null ? [] : toKernelLines(kernel, { places, name })),
    ...staged,
    ...applied,
    toLine(`${name}-end`, STAGE, 'ro,mode=000', 'tmpfs'),
    '',
  ].join('\n');
}

/** Chooses the strongest rule for each path, the outer paths first. */
function decide(places: readonly Place[]): Place[] {
  const strength = { secret: 0, shown: 1, hidden: 2, temporary: 2 } as const;
  const byPath = new Map<string, Place>();
  for (const place of places) {
    const other = byPath.get(place.path);
    if (other === undefined || strength[place.rule] < strength[other.rule]) byPath.set(place.path, place);
  }
  return [...byPath.values()].sort((a, b) => a.path.length - b.path.length);
}

/** Finds the deepest place that contains another one. */
function findHolder(rules: readonly Place[], { path }: Place): Place | undefined {
  return rules.findLast((other) => other.path !== path && isWithin(path, other.path));
}

function toKernelLines(kernel: KernelSurfaces, { places, name }: Pick<MountTableOptions, 'places' | 'name'>): string[] {
  const { readOnly, remounted, devices, hasDevMount, terminals } = kernel;
  const shown = places.filter(({ rule, path }) => rule === 'shown' && path.startsWith('/dev/')).map(({ path }) => path);
  return [
    ...readOnly.map((place) => toLine(place, place, 'bind,ro,nosuid,nodev,noexec')),
    ...remounted.map((place) => toLine('none', place, 'remount,bind,ro,nosuid,nodev,noexec')),
    ...(hasDevMount ? [] : [toLine('/dev', '/dev', 'rbind')]),
    // Bound to itself, each device is a separate mount, which the last line does not change.
    ...[...new Set([...devices, ...shown])].map((device) => toLine(device, device, 'rbind')),
    // Its own terminals: root may type on a terminal of another user.
    ...(terminals.exist ? [toLine(name, '/dev/pts', 'newinstance,ptmxmode=666,mode=620,nosuid,noexec', 'devpts')] : []),
    ...(terminals.exist && terminals.hasOwnMaster ? [toLine('/dev/pts/ptmx', '/dev/ptmx', 'bind')] : []),
    toLine('none', '/dev', 'remount,bind,nodev,nosuid'),
  ];
}

function toLine(source: string, target: string, options: string, type = 'none'): string {
  return `${escape(source)} ${escape(target)} ${type} ${options}`;
}

/** Escapes a path for fstab(5). */
function escape(place: string): string {
  return place.replaceAll(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
