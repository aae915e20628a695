import { constants, realpathSync } from 'node:fs';
import { mkdir, open, readdir, readlink, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { KeptFile } from './transcript.ts';

/** Stands for the directory of large results wherever a path outlives the process: in events and in transcripts. */
export const RESULTS_PATH = '/longhaul/tool-results';

/** More of one file is not kept with the conversation. */
export const MAX_FILE_BYTES = 2_000_000;

/**
 * The large results of one process's tools. Claude Code writes a result beyond some 30,000 characters, and what is no
 * text, into a file below its configuration directory, and tells the model to read it there (measured, 2.1.330). That
 * directory goes with the process, so what the conversation names is kept with the conversation, under `RESULTS_PATH`, and
 * put into a directory of the process that takes it up.
 */
export interface ToolResults {
  /** Claude Code keeps its files there: the SDK names the directory when it starts the executable. */
  useConfigDir(configDir: string): void;
  /** The directories in which the results of a conversation are, without any link in them. */
  findDirectories(claudeSessionId: string): Promise<string[]>;
  /** `value` with `RESULTS_PATH` in place of those directories. The same object where it names none. */
  hide<T>(value: T): T;
  /** `value` with the directory that results of earlier processes are put into in place of `RESULTS_PATH`. */
  show<T>(value: T, claudeSessionId: string): T;
  /** Reads the files that `value`, which was hidden, names. One that is not there is left out. Never rejects. */
  read(value: unknown, claudeSessionId: string): Promise<KeptFile[]>;
  /** Puts the results of earlier processes where `show` says. */
  restore(files: readonly KeptFile[], claudeSessionId: string): Promise<void>;
}

interface ToolResultsOptions {
  /** The private directory of the process. */
  readonly root: string;
  readonly log?: Logger | undefined;
}

const UUID = /^[0-9a-f-]{36}$/;

/** A longer name is another one. */
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
        for (const [, name] of text.matchAll(FILE_NAME)) names.add(name!);
        return text;
      });
      if (names.size === 0) return [];
      const directories = await findDirectories(claudeSessionId);
      const files = await Promise.all([...names].map((name) => readFirst(directories, withoutFullStop(name))));
      return files.filter((file) => file !== null);
    },
    async restore(files, claudeSessionId) {
      if (files.length === 0) return;
      const directory = path.join(restoredDir, claudeSessionId);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const { name, content } of files) {
        try {
          await writeFile(path.join(directory, path.basename(name)), content, { mode: 0o600 });
        } catch (error) {
          log?.warn({ name, error: toMessage(error) }, 'a large tool result of the conversation could not be put back');
        }
      }
    },
  };

  function hideIn(text: string): string {
    return text.replaceAll(pattern, RESULTS_PATH);
  }

  async function readFirst(directories: readonly string[], name: string): Promise<KeptFile | null> {
    for (const directory of directories) {
      try {
        return { name, content: await readPlainFile(directory, name) };
      } catch {
        // It lies in the other one, or is none that we would read.
      }
    }
    return null;
  }
}

/** Finds Claude Code's own directories of results, whose first step is made of the working directory, and ours. */
function toPattern({ projectsDirs, restoredDir }: { projectsDirs: readonly string[]; restoredDir: string }): RegExp {
  const own = projectsDirs.map((directory) => `${escapePattern(directory)}/[A-Za-z0-9-]+/[0-9a-f-]{36}/tool-results`);
  return new RegExp(`(?:${[...own, `${escapePattern(restoredDir)}/[0-9a-f-]{36}`].join('|')})${NAME_END}`, 'g');
}

const escapePattern = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** A sentence may end in a name. */
function withoutFullStop(name: string): string {
  return name.replace(/\.+$/, '');
}

/** A directory whose steps below `base` are no links, so that nothing of an agent's can lead elsewhere by them; else null. */
async function findUnlinked({ base, steps }: { base: string; steps: string[] }): Promise<string | null> {
  try {
    const real = await realpath(path.join(base, ...steps));
    return real === path.join(await realpath(base), ...steps) ? real : null;
  } catch {
    return null;
  }
}

/**
 * The beginning of a plain file. An agent may write to the directory, and may be quick: what counts is where the file lies
 * that was opened, and not where its name led before.
 * @throws when it is a link, no plain file, or lies elsewhere.
 */
async function readPlainFile(directory: string, name: string): Promise<Buffer> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const place = path.join(directory, name);
  await using file = await open(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stats = await file.stat();
  const opened = await readlink(`/proc/self/fd/${file.fd}`).catch(() => realpath(place));
  if (!stats.isFile() || stats.nlink !== 1 || opened !== place) throw new Error(`${name} is no plain file.`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(stats.size, MAX_FILE_BYTES)), { position: 0 });
  const content = buffer.subarray(0, bytesRead);
  return stats.size <= MAX_FILE_BYTES ? content : Buffer.concat([content, Buffer.from(toCutNote(stats.size))]);
}

const toCutNote = (size: number) =>
  `\n[The rest is gone: only the first ${MAX_FILE_BYTES} of ${size} bytes were kept with the conversation.]\n`;

/** Deeper than anything Claude Code writes; it keeps a hostile value from overflowing the stack. */
const MAX_DEPTH = 100;

/** `value` with each text in it replaced; parts in which nothing changes are the same objects. */
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
