import { processFacts } from '../core/log.ts';
import { toTerminalJson } from './terminal-text.ts';

/** Formats a line in the form of the log. */
export function toLogLine(facts: object, msg: string, level = 30): string {
  return toTerminalJson({ level, time: Date.now(), ...processFacts(), ...facts, msg });
}
