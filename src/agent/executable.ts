import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

/**
 * Finds the Claude Code executable: `undefined` the Agent SDK's own, `null` the SDK's own or else `claude` in
 * `PATH`, a text that path. Gives the path, or what is wrong in words for an operator.
 */
export async function findExecutable(
  claudePath: string | null | undefined,
): Promise<{ path: string } | { problem: string }> {
  const candidates =
    typeof claudePath === 'string'
      ? [path.resolve(claudePath)]
      : [...packagedPaths(), ...(claudePath === null ? searchPaths() : [])];
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return { path: candidate };
  }
  return {
    problem:
      typeof claudePath === 'string'
        ? `${candidates[0]} is not an executable file; set LONGHAUL_CLAUDE_PATH or claudePath to the Claude Code executable`
        : `the Agent SDK brings no Claude Code executable for ${process.platform}-${process.arch} here; reinstall it without --omit=optional, or set LONGHAUL_CLAUDE_PATH`,
  };
}

/** Where the SDK's optional packages put it: those of them that are installed, in the SDK's own order. */
function packagedPaths(): string[] {
  const { resolve } = createRequire(import.meta.resolve('@anthropic-ai/claude-agent-sdk'));
  const platform = `@anthropic-ai/claude-agent-sdk-${process.platform}-${process.arch}`;
  const file = process.platform === 'win32' ? 'claude.exe' : 'claude';
  const variants = process.platform === 'linux' ? (isMusl() ? ['-musl', ''] : ['', '-musl']) : [''];
  return variants.flatMap((variant) => {
    try {
      return [resolve(`${platform}${variant}/${file}`)];
    } catch {
      return [];
    }
  });
}

let isMuslFound: boolean | undefined;

/** Asked of the machine once: a report takes 4 ms, in which nothing else is done. */
function isMusl(): boolean {
  if (isMuslFound === undefined) {
    const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
    isMuslFound = report.header?.glibcVersionRuntime === undefined;
  }
  return isMuslFound;
}

function searchPaths(): string[] {
  const directories = (process.env['PATH'] ?? '').split(path.delimiter);
  return directories
    .filter((directory) => path.isAbsolute(directory))
    .map((directory) => path.join(directory, 'claude'));
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
