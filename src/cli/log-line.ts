import { processFacts } from '../core/log.ts';
import { toTerminalJson } from './terminal-text.ts';

/** As the log writes its lines. */
export function toLogLine(facts: object, msg: string, level = 30): string {
  return toTerminalJson({ level, time: Date.now(), ...processFacts(), ...facts, msg });
}
