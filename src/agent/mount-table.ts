import { isWithin } from '../core/paths.ts';
import type { KernelSurfaces } from './kernel-surfaces.ts';

/** A place as it is on this machine now: real, and there. */
export interface Place {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly rule: 'secret' | 'hidden' | 'temporary' | 'shown';
}

interface MountTableOptions {
  readonly places: readonly Place[];
  /** What stands for `temporary` places. */
  readonly tmpDir: string;
  /** What to take from the processes of root; null: they are not root's. */
  readonly kernel: KernelSurfaces | null;
  /** Names the mounts. `mount --all` leaves out what it takes for mounted already, by name and place. */
  readonly name: string;
}

/**
 * A directory that every Linux has, that nothing needs and that lies in no hidden place, as the namespace has a `/proc` of
 * its own: the mounts are prepared in it.
 */
const STAGE = '/proc/driver';

/** Nothing is kept in what covers a directory but the way to what is shown in it. */
const COVER = 'size=256k,mode=755,nosuid,nodev';

/**
 * The table by which `mount --all` hides `places` in a mount namespace. A hidden directory is covered by an empty one, a
 * hidden file by `/dev/null`. What is shown inside a covered directory is bound to the stage before the first one is
 * covered, and from there to its place afterwards. The stage itself is covered last: it holds whole directories, with what
 * is hidden in them.
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
    toLine(name, STAGE, 'size=256k,mode=700', 'tmpfs'),
    ...staged,
    ...applied,
    toLine(`${name}-end`, STAGE, 'ro,mode=000', 'tmpfs'),
    '',
  ].join('\n');
}

/** The strongest rule for each path, the outer ones first. */
function decide(places: readonly Place[]): Place[] {
  const strength = { secret: 0, shown: 1, hidden: 2, temporary: 2 } as const;
  const byPath = new Map<string, Place>();
  for (const place of places) {
    const other = byPath.get(place.path);
    if (other === undefined || strength[place.rule] < strength[other.rule]) byPath.set(place.path, place);
  }
  return [...byPath.values()].sort((a, b) => a.path.length - b.path.length);
}

/** The deepest place that another one lies in. */
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
    // Bound to itself each of them is a mount of its own, which the last line does not change.
    ...[...new Set([...devices, ...shown])].map((device) => toLine(device, device, 'rbind')),
    // Terminals of its own: at one of somebody else's, root may type.
    ...(terminals.exist ? [toLine(name, '/dev/pts', 'newinstance,ptmxmode=666,mode=620,nosuid,noexec', 'devpts')] : []),
    ...(terminals.exist && terminals.hasOwnMaster ? [toLine('/dev/pts/ptmx', '/dev/ptmx', 'bind')] : []),
    toLine('none', '/dev', 'remount,bind,nodev,nosuid'),
  ];
}

function toLine(source: string, target: string, options: string, type = 'none'): string {
  return `${escape(source)} ${escape(target)} ${type} ${options}`;
}

/** As fstab(5) wants it. */
function escape(place: string): string {
  return place.replaceAll(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
