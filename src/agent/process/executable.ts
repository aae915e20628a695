import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

/**
 * Finds the Claude Code executable: for `undefined` the Agent SDK's own, for `null` the SDK's own or else `claude` in
 * `PATH`, for a text that path. Returns the path, or the problem in words for an operator.
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
        : `the Agent SDK has no Claude Code executable for ${process.platform}-${process.arch} here; reinstall it without --omit=optional, or set LONGHAUL_CLAUDE_PATH`,
  };
}

/** Lists the executables of the SDK's optional packages that are installed, in the SDK's own order. */
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

/** Checked once: a process report takes 4 ms and blocks everything else. */
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
