import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { after } from '../core/timers.ts';
import type { Config } from './config.ts';
import { resolveConfig } from './resolve.ts';

export const CONFIG_FILES = ['longhaul.config.ts', 'longhaul.config.mts', 'longhaul.config.js', 'longhaul.config.mjs'];

interface LoadOptions {
  /** The file named by `--config`. Defaults to the first of `longhaul.config.{ts,mts,js,mjs}` in `cwd`. */
  readonly file?: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds that the file may take to load. Defaults to 30,000. */
  readonly deadlineMs?: number;
}

/**
 * Enough time for a file that fetches its values from elsewhere. Without a deadline, Node ends a process whose file
 * waits forever, with its own message.
 */
const DEADLINE_MS = 30_000;

/**
 * Finds, loads and checks the configuration file.
 * @throws {LonghaulError} `config_not_found` or `config_invalid`.
 */
export async function loadConfig({ file, cwd, env, deadlineMs = DEADLINE_MS }: LoadOptions): Promise<Config> {
  const candidates = (file === undefined ? CONFIG_FILES : [file]).map((candidate) => path.resolve(cwd, candidate));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) {
    throw new LonghaulError('config_not_found', {
      message:
        file === undefined
          ? `There is no longhaul.config.ts in ${cwd}. Create one, or name it with --config FILE.`
          : `There is no configuration file at ${candidates[0]}.`,
    });
  }
  const input = await importDefault(found, deadlineMs);
  return resolveConfig({ input, file: found, baseDir: path.dirname(found), env });
}

async function importDefault(file: string, deadlineMs: number): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  const timer = after(deadlineMs, () => {
    late.reject(
      new Error(`it did not finish loading within ${deadlineMs / 1_000} s; look for an await that never settles`),
    );
  });
  let loaded: { default?: unknown };
  try {
    loaded = (await Promise.race([import(pathToFileURL(file).href), late.promise])) as { default?: unknown };
  } catch (cause) {
    throw new LonghaulError('config_invalid', { message: `${file} could not be loaded: ${toMessage(cause)}`, cause });
  } finally {
    clearTimeout(timer);
  }
  if (loaded.default === undefined) {
    throw new LonghaulError('config_invalid', {
      message: `${file} has no default export. Write: export default defineConfig({ agents: { … } })`,
    });
  }
  return loaded.default;
}
