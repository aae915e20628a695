import { realpathSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { findKernelSurfaces } from '../containment/kernel-surfaces.ts';
import { toMountTable, type Place } from '../containment/mount-table.ts';
import type { Places } from '../containment/places.ts';
import { resolvePlace } from '../containment/resolve-place.ts';
import type { Scratch } from './scratch.ts';

interface HideOptions {
  readonly places: Places;
  readonly scratch: Pick<Scratch, 'root' | 'tmpDir'>;
  readonly workspaceDir: string;
  readonly executable: string;
  readonly processId: string;
}

/**
 * Resolves the places that exist now. Returns a function that builds the table of their mounts, with one more visible
 * directory.
 */
export async function hidePlaces(options: HideOptions): Promise<(alsoShown: string) => string> {
  const { places, scratch, workspaceDir, executable, processId } = options;
  const own = [workspaceDir, scratch.root, path.dirname(executable)];
  const found = await Promise.all([
    ...places.secret.map((place) => toPlace(place, 'secret')),
    ...places.hidden.map((place) => toPlace(place, 'hidden')),
    ...places.temporary.map((place) => toPlace(place, 'temporary')),
    ...[...places.shown, ...own].map((place) => toPlace(place, 'shown')),
  ]);
  const tmpDir = await realpath(scratch.tmpDir);
  const kernel = process.getuid?.() === 0 ? findKernelSurfaces() : null;
  return (alsoShown) => {
    const shown = realpathSync(alsoShown);
    const last: Place = { path: shown, isDirectory: statSync(shown).isDirectory(), rule: 'shown' };
    return toMountTable({
      places: [...found.filter((place) => place !== null), last],
      tmpDir,
      kernel,
      name: `longhaul-${processId}`,
    });
  };
}

async function toPlace(given: string, rule: Place['rule']): Promise<Place | null> {
  const place = await resolvePlace(given);
  return place && { ...place, rule };
}
