import { constants, realpathSync } from 'node:fs';
import { mkdir, open, readdir, readlink, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { KeptFile } from './transcript.ts';

/** Replaces the directory of large results wherever a path outlives the process: in events and in transcripts. */
export const RESULTS_PATH = '/longhaul/tool-results';

/** Bytes of one file that are kept with the conversation. */
export const MAX_FILE_BYTES = 2_000_000;

/**
 * Most names that are looked up, and bytes that are read, for one value. A tool names one file in each result; more
 * names come from an agent that prints them, and reading all of those could use up the worker's memory.
 */
export const MAX_NAMES = 100;
export const MAX_READ_BYTES = 10_000_000;

/**
 * The large results of one process's tools. Claude Code writes a result beyond some 30,000 characters, and a result
 * that is not text, to a file below its configuration directory, and tells the model to read it there (measured,
 * 2.1.330). That directory is removed with the process, so the files that the conversation names are stored with the
 * conversation, under `RESULTS_PATH`, and restored to a directory of the process that continues it.
 */
export interface ToolResults {
  /** Sets the directory in which Claude Code keeps its files: the SDK names it when it starts the executable. */
  useConfigDir(configDir: string): void;
  /** Finds the directories with the results of a conversation, which contain no links in their paths. */
  findDirectories(claudeSessionId: string): Promise<string[]>;
  /** Returns `value` with `RESULTS_PATH` in place of those directories, or the same object if it names none. */
  hide<T>(value: T): T;
  /** Returns `value` with the directory of restored results in place of `RESULTS_PATH`. */
  show<T>(value: T, claudeSessionId: string): T;
  /**
   * Reads the files that the hidden `value` names, at most `MAX_NAMES` names and about `MAX_READ_BYTES`. A missing file
   * is left out. Never rejects.
   */
  read(value: unknown, claudeSessionId: string): Promise<KeptFile[]>;
  /** Writes the results of earlier processes to the directory that `show` names. */
  restore(files: readonly KeptFile[], claudeSessionId: string): Promise<void>;
}

interface ToolResultsOptions {
  /** The private directory of the process. */
  readonly root: string;
  readonly log?: Logger | undefined;
}

const UUID = /^[0-9a-f-]{36}$/;

/** A longer name is another name. */
const NAME_END = '(?![\\w.-])';
const SHOWN = new RegExp(RESULTS_PATH + NAME_END, 'g');
const FILE_NAME = /\/longhaul\/tool-results\/([\w-][\w.-]{0,200})/g;

export function createToolResults({ root, log }: ToolResultsOptions): ToolResults {
  const restoredDir = path.join(root, 'tool-results');
  let projectsDir: string | null = null;
  let pattern = toPattern({ projectsDirs: [], restoredDir });

  async function findDirectories(claudeSessionId: string): Promise<string[]> {
    if (!UUID.test(claudeSessionId)) return [];
    const restored = [{ base: root, steps: ['tool-results', claudeSessionId] }];
    const slugs = projectsDir === null ? [] : await readdir(projectsDir).catch(() => []);
    const own = slugs.map((slug) => ({ base: projectsDir!, steps: [slug, claudeSessionId, 'tool-results'] }));
    const found = await Promise.all([...own, ...restored].map(findUnlinked));
    return found.filter((directory) => directory !== null);
  }

  return {
    useConfigDir(configDir) {
      projectsDir = path.join(configDir, 'projects');
      const projectsDirs = new Set([projectsDir, path.join(realpathSync(configDir), 'projects')]);
      pattern = toPattern({ projectsDirs: [...projectsDirs], restoredDir });
    },
    findDirectories,
    hide: (value) => replaceInTexts(value, (text) => (text.includes('tool-results') ? hideIn(text) : text)),
    show: (value, claudeSessionId) =>
      replaceInTexts(value, (text) => text.replaceAll(SHOWN, () => path.join(restoredDir, claudeSessionId))),
    async read(value, claudeSessionId) {
      const names = new Set<string>();
      replaceInTexts(value, (text) => {
        for (const [, name] of text.matchAll(FILE_NAME)) {
          if (names.size === MAX_NAMES) break;
          names.add(name!);
        }
        return text;
      });
      return names.size === 0 ? [] : readAll(names, claudeSessionId);
    },
    async restore(files, claudeSessionId) {
      if (files.length === 0) return;
      const directory = path.join(restoredDir, claudeSessionId);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const { name, content } of files) {
        try {
          await writeFile(path.join(directory, path.basename(name)), content, { mode: 0o600 });
        } catch (error) {
          log?.warn({ name, error: toMessage(error) }, 'a large tool result of the conversation could not be restored');
        }
      }
    },
  };

  function hideIn(text: string): string {
    return text.replaceAll(pattern, RESULTS_PATH);
  }

  /** Reads the files one after another, so that their sum stays within its bound. */
  async function readAll(names: ReadonlySet<string>, claudeSessionId: string): Promise<KeptFile[]> {
    const directories = await findDirectories(claudeSessionId);
    const files: KeptFile[] = [];
    let bytes = 0;
    for (const name of names) {
      if (bytes >= MAX_READ_BYTES) break;
      const file = await readFirst(directories, withoutFullStop(name));
      if (file === null) continue;
      files.push(file);
      bytes += file.content.length;
    }
    return files;
  }

  async function readFirst(directories: readonly string[], name: string): Promise<KeptFile | null> {
    for (const directory of directories) {
      try {
        return { name, content: await readPlainFile(directory, name) };
      } catch {
        // The file lies in another directory, or may not be read.
      }
    }
    return null;
  }
}

/**
 * Builds the pattern of Claude Code's own result directories, whose first step is derived from the working directory,
 * and of ours.
 */
function toPattern({ projectsDirs, restoredDir }: { projectsDirs: readonly string[]; restoredDir: string }): RegExp {
  const own = projectsDirs.map((directory) => `${escapePattern(directory)}/[A-Za-z0-9-]+/[0-9a-f-]{36}/tool-results`);
  return new RegExp(`(?:${[...own, `${escapePattern(restoredDir)}/[0-9a-f-]{36}`].join('|')})${NAME_END}`, 'g');
}

const escapePattern = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** A sentence may end with a name. */
function withoutFullStop(name: string): string {
  return name.replace(/\.+$/, '');
}

/**
 * Resolves a directory whose steps below `base` are not links, so that no link of an agent can lead elsewhere; null
 * otherwise.
 */
async function findUnlinked({ base, steps }: { base: string; steps: string[] }): Promise<string | null> {
  try {
    const real = await realpath(path.join(base, ...steps));
    return real === path.join(await realpath(base), ...steps) ? real : null;
  } catch {
    return null;
  }
}

/**
 * Reads the beginning of a plain file. An agent may write to the directory at any moment: the location of the opened
 * file counts, not where its name led before.
 * @throws when it is a link, not a plain file, or lies elsewhere.
 */
async function readPlainFile(directory: string, name: string): Promise<Buffer> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const place = path.join(directory, name);
  await using file = await open(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stats = await file.stat();
  const opened = await readlink(`/proc/self/fd/${file.fd}`).catch(() => realpath(place));
  if (!stats.isFile() || stats.nlink !== 1 || opened !== place) throw new Error(`${name} is not a plain file.`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(stats.size, MAX_FILE_BYTES)), { position: 0 });
  const content = buffer.subarray(0, bytesRead);
  return stats.size <= MAX_FILE_BYTES ? content : Buffer.concat([content, Buffer.from(toCutNote(stats.size))]);
}

const toCutNote = (size: number) =>
  `\n[The rest is missing: only the first ${MAX_FILE_BYTES} of ${size} bytes were kept with the conversation.]\n`;

/** Deeper than any value from Claude Code; the limit keeps a hostile value from overflowing the stack. */
const MAX_DEPTH = 100;

/** Replaces each text in `value`; unchanged parts are the same objects. */
function replaceInTexts<T>(value: T, replace: (text: string) => string, depth = 0): T {
  if (typeof value === 'string') return replace(value) as T;
  if (typeof value !== 'object' || value === null || depth === MAX_DEPTH) return value;
  let changed: Record<string, unknown> | null = null;
  for (const [key, item] of Object.entries(value)) {
    const next: unknown = replaceInTexts(item, replace, depth + 1);
    if (next === item) continue;
    // A list is an object with numbers for keys.
    changed ??= (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
    changed[key] = next;
  }
  return (changed ?? value) as T;
}
