import { inBackground } from '../core/guard.ts';
import type { DrillResult } from '../drill/drill.ts';
import { printOne } from './print.ts';
import type { Shell, Style } from './shell.ts';
import { listenForStop } from './stop-signals.ts';
import { toTerminalLine } from './terminal-text.ts';

interface DrillOptions {
  readonly config?: string;
  readonly only?: string;
  readonly json?: true;
}

const MARKS: Readonly<Record<DrillResult['verdict'], readonly [mark: string, style: Style]>> = {
  ok: ['✓', 'green'],
  failed: ['✗', 'red'],
  skipped: ['-', 'dim'],
};

/** Performs drills and reports each when it ends. A stop signal ends them and cleans up. */
export async function runDrillCommand(shell: Shell, { config: file, only, json }: DrillOptions): Promise<void> {
  const [{ loadConfig }, { runDrills }] = await Promise.all([
    import('../config/load.ts'),
    import('../drill/run-drills.ts'),
  ]);
  const { stdout, stderr } = shell;
  const config = await loadConfig({ file, cwd: shell.cwd, env: shell.env });
  const signals = listenForStop(['SIGINT', 'SIGTERM', 'SIGHUP']);
  const stopped = new AbortController();
  inBackground(async () => {
    await signals.first;
    stopped.abort();
  });
  const progress = json === true ? stderr : stdout;
  progress.line(
    config.databaseUrl === null
      ? 'On a temporary embedded database: only one process can use that of the deployment.'
      : "On the deployment's database, with runs of the users longhaul-drill-*.",
  );
  try {
    const drills = await runDrills({
      config,
      cwd: shell.cwd,
      env: shell.env,
      only: only?.split(','),
      signal: stopped.signal,
      onResult: (result) => {
        for (const line of describe(progress, result)) progress.line(line);
      },
    });
    const verdict = drills.some((drill) => drill.verdict === 'failed') ? 'failed' : 'ok';
    if (verdict === 'failed') shell.exitCode = 1;
    if (stopped.signal.aborted) shell.exitCode = 130;
    printOne(shell, { verdict, drills }, { json, describe: () => ['', summarize(drills)] });
  } finally {
    signals.dispose();
  }
}

function describe(output: Shell['stdout'], { title, verdict, found, seconds }: DrillResult): string[] {
  const [mark, style] = MARKS[verdict];
  return [
    `${output.style(style, mark)} ${title}  ${output.style('dim', `${seconds.toFixed(1)} s`)}`,
    output.style('dim', `    ${toTerminalLine(found)}`),
  ];
}

function summarize(drills: readonly DrillResult[]): string {
  const count = (wanted: DrillResult['verdict']) => drills.filter(({ verdict }) => verdict === wanted).length;
  return `${count('ok')} ok, ${count('failed')} failed, ${count('skipped')} skipped`;
}
