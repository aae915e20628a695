import { ERRORS } from '../../core/errors.ts';
import { RESTART_EXIT_CODE } from '../../core/exit-codes.ts';
import { failed, skipped, warning, worst, type Check, type Finding } from '../check.ts';
import { findSupervision, type Supervision } from '../machine/supervision.ts';
import { distinct } from './distinct.ts';

/** Errors that another start does not mend. */
const FINAL_CODES = (['config_invalid', 'config_not_found', 'schema_too_new'] as const).map(
  (code) => ERRORS[code].exitCode,
);

/** Starts that Supervisor tries while the database is away at boot, by its own waits of 1, 2, 3 … s. */
const FEW_RETRIES = 20;

export const restarts: Check = {
  id: 'supervisor-restart',
  theme: 'supervision',
  title: 'The supervisor restarts what should be restarted',
  docs: 'docs/operations.md#stop',
  async examine(subject) {
    return worst(distinct((await findSupervision(subject)).map(judgeRestart)), 'No process of Longhaul runs here.');
  },
};

/** Judges which exit codes a supervisor restarts, by its settings in force. */
export function judgeRestart(found: Supervision): Finding {
  switch (found.kind) {
    case 'supervisor':
      return judgeSupervisorRestart(found.program.exitCodes, found.program.startRetries);
    case 'systemd':
      return judgeUnitRestart(found.unit);
    case 'unreadable':
      return skipped(`${found.name}: ${found.reason}`, `See by hand that exit code ${RESTART_EXIT_CODE} is restarted.`);
    case 'none':
      return skipped(`No supervisor: ${found.reason}`);
  }
}

function judgeSupervisorRestart(exitCodes: readonly number[], startRetries: number): Finding {
  const wanted = [0, ...FINAL_CODES].join(',');
  const findings = [
    ...(exitCodes.includes(RESTART_EXIT_CODE)
      ? [
          failed(
            `exitcodes includes ${RESTART_EXIT_CODE}: a worker that restarts itself stays away`,
            `Set exitcodes=${wanted}.`,
          ),
        ]
      : []),
    ...(FINAL_CODES.every((code) => exitCodes.includes(code))
      ? []
      : [
          warning(
            `exitcodes=${exitCodes.join(',')}: a wrong configuration is started over and over`,
            `Set autorestart=unexpected and exitcodes=${wanted}.`,
          ),
        ]),
    ...(startRetries < FEW_RETRIES
      ? [
          warning(
            `startretries=${startRetries}: a database that is away at boot ends in FATAL`,
            'Set startretries=1000000 and startsecs=10.',
          ),
        ]
      : []),
  ];
  return worst(findings, `exitcodes=${exitCodes.join(',')}, startretries=${startRetries}`);
}

function judgeUnitRestart({
  unit,
  restart,
  finalCodes,
  hasStartLimit,
}: Extract<Supervision, { kind: 'systemd' }>['unit']): Finding {
  const findings = [
    ...(['on-failure', 'always'].includes(restart) && !finalCodes.includes(RESTART_EXIT_CODE)
      ? []
      : [
          failed(
            `Restart=${restart}: exit code ${RESTART_EXIT_CODE} is not restarted`,
            `Set Restart=on-failure in ${unit}.`,
          ),
        ]),
    ...(FINAL_CODES.every((code) => finalCodes.includes(code))
      ? []
      : [
          warning(
            'A wrong configuration is started over and over',
            `Set RestartPreventExitStatus=${FINAL_CODES.join(' ')} in ${unit}.`,
          ),
        ]),
    ...(hasStartLimit
      ? [warning('A few failed starts end the restarts', `Set StartLimitIntervalSec=0 and RestartSec=5 in ${unit}.`)]
      : []),
  ];
  return worst(findings, `Restart=${restart}, RestartPreventExitStatus=${finalCodes.join(' ')}`);
}
