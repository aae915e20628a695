import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LonghaulError, toMessage } from '../core/errors.ts';
import type { DeployFile } from './deploy-file.ts';
import { isSealed } from './seal.ts';

interface WriteFilesOptions {
  /** Directory of the files; created if it does not exist. */
  readonly out: string;
  /** Overwrites files that somebody has changed. */
  readonly isForced: boolean;
}

export interface WrittenFile {
  readonly path: string;
  /** `unchanged`: the file was there already with this content. */
  readonly status: 'written' | 'unchanged';
}

/**
 * Writes the files of a deployment, or none of them if one was changed by somebody else: its checksum does not fit.
 * @throws {LonghaulError} `conflict` for changed files, `usage` for a directory or a file that cannot be written.
 */
export function writeDeployFiles(files: readonly DeployFile[], { out, isForced }: WriteFilesOptions): WrittenFile[] {
  try {
    const found = files.map((file) => ({ ...file, place: path.join(out, file.path) }));
    const known = found.map((file) => ({ ...file, before: readIfThere(file.place) }));
    const changed = known.filter(({ before, content }) => before !== null && before !== content && !isSealed(before));
    if (changed.length > 0 && !isForced) throw changedBefore(changed.map(({ place }) => place));
    return known.map(({ path: name, place, content, before }) => {
      if (before === content) return { path: name, status: 'unchanged' };
      replace(place, content);
      return { path: name, status: 'written' };
    });
  } catch (cause) {
    if (cause instanceof LonghaulError) throw cause;
    throw new LonghaulError('usage', {
      message: `The files cannot be written to ${out}: ${toMessage(cause)}. Name another directory with --out.`,
      cause,
    });
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** A reader, and a full disk, never leave half a file. */
function replace(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.new`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

function changedBefore(files: readonly string[]): LonghaulError {
  return new LonghaulError('conflict', {
    message: `These files have other content than longhaul deploy has written: ${files.join(', ')}. Nothing was written. Use --force to overwrite them, or --out with another directory.`,
  });
}
