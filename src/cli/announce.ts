import path from 'node:path';
import { adminKeyFile } from '../api/admin-key.ts';
import type { Config } from '../config/config.ts';
import { toLogLine } from './log-line.ts';
import type { Shell } from './shell.ts';
import { toTerminalJson, toTerminalText } from './terminal-text.ts';

const SCRIPTED_NOTICE =
  'No provider is configured: answers come from the built-in scripted model. Set ANTHROPIC_API_KEY to use Claude.';

/** The running parts of a started process. */
export interface Started {
  readonly config: Config;
  readonly newAdminKey: string | null;
  /** Null for a server alone. */
  readonly workerId: string | null;
}

/**
 * Reports on standard output which parts have started: as text on a terminal, else as lines of JSON in the form of the
 * log's, because supervisors write both to one file. A new admin key is shown only on a terminal: other output is
 * stored together with the logs.
 */
export function announce(
  { stdout, cwd }: Shell,
  { started, url, isJson }: { started: Started; url: string | null; isJson: boolean },
): void {
  const { config, newAdminKey, workerId } = started;
  const isScripted = [...config.agents.values()].some(
    ({ provider }) => config.providers.get(provider)?.kind === 'scripted',
  );
  const keyFile = newAdminKey === null ? null : adminKeyFile(config.dataDir);
  if (isJson) {
    const shownKey = stdout.isTerminal ? newAdminKey : null;
    stdout.line(
      toTerminalJson({
        url,
        dataDir: config.dataDir,
        newAdminKey: shownKey,
        adminKeyFile: keyFile,
        isScripted,
        workerId,
      }),
    );
    return;
  }
  const say = (words: string, facts: object = {}) =>
    stdout.line(stdout.isTerminal ? words : toLogLine({ ...(workerId !== null && { workerId }), ...facts }, words));
  const slots = workerId === null ? '' : ` with ${config.worker.slots} slots`;
  if (url === null) say(`Longhaul worker is running${slots}`, { slots: config.worker.slots });
  else if (stdout.isTerminal) say(`Longhaul is listening on ${url}`);
  // With words after the address, so that tools that search the line for it find its end.
  else say(`Longhaul is listening on ${url} ${slots === '' ? 'as a server' : slots.trim()}`, { url });
  if (keyFile !== null) {
    const place = toTerminalText(toRelative(keyFile, cwd));
    if (stdout.isTerminal) say(`Admin key: ${newAdminKey} (saved in ${place})`);
    else say(`An admin key was created and saved in ${place}`, { adminKeyFile: keyFile });
  }
  if (isScripted) say(SCRIPTED_NOTICE);
}

function toRelative(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') ? file : relative;
}
