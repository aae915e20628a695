import type { Config } from '../../config/config.ts';
import { ERRORS } from '../../core/errors.ts';
import { RESTART_EXIT_CODE } from '../../core/exit-codes.ts';
import { failed, ok, skipped, warning, worst, type Check, type Finding } from '../check.ts';
import { findSupervision, type Supervision } from '../machine/supervision.ts';

/** Errors that another start does not mend. */
const FINAL_CODES = (['config_invalid', 'config_not_found', 'schema_too_new'] as const).map(
  (code) => ERRORS[code].exitCode,
);

/** SIGTERM. */
const TERM = 15;

/** Starts that Supervisor tries while the database is away at boot, by its own waits of 1, 2, 3 … s. */
const FEW_RETRIES = 20;

export const supervisor: Check = {
  id: 'supervisor',
  theme: 'supervision',
  title: 'A supervisor restarts each process',
  docs: 'docs/operations.md#stop',
  async examine(subject) {
    return worst(distinct((await findSupervision(subject)).map(judgePresence)), 'No process of Longhaul runs here.');
  },
};

function judgePresence(found: Supervision): Finding {
  switch (found.kind) {
    case 'supervisor':
      return ok(`Supervisor, program ${found.program.group}`);
    case 'systemd':
      return ok(`systemd, ${found.unit.unit}`);
    case 'unreadable':
      return found.name === 'unknown' ? skipped(found.reason) : ok(found.name);
    case 'none':
      return warning(
        `None: ${found.reason}`,
        'Run Longhaul under systemd, Supervisor, Docker or Kubernetes, so that a process that ends is started again.',
      );
  }
}

export const stopWait: Check = {
  id: 'supervisor-stop',
  theme: 'supervision',
  title: 'The supervisor waits until runs are drained',
  docs: 'docs/operations.md#stop',
  async examine(subject) {
    const found = await findSupervision(subject);
    return worst(distinct(found.map((one) => judgeStop(one, subject.config))), 'No process of Longhaul runs here.');
  },
};

/** Judges how a supervisor stops a process, by its settings in force. */
export function judgeStop(found: Supervision, { worker }: Pick<Config, 'worker'>): Finding {
  const needed = worker.stopWaitSeconds;
  switch (found.kind) {
    case 'supervisor':
      return judgeSupervisorStop(found, needed);
    case 'systemd':
      return judgeUnitStop(found, needed);
    case 'unreadable':
      return skipped(
        `${found.name}: ${found.reason}`,
        `See by hand that it waits ${needed} s or longer before it kills.`,
      );
    case 'none':
      return skipped(`No supervisor: ${found.reason}`);
  }
}

function judgeSupervisorStop(
  { program, service }: Extract<Supervision, { kind: 'supervisor' }>,
  needed: number,
): Finding {
  const { stopWaitSeconds, stopSignal, killsGroup } = program;
  const text = `stopwaitsecs=${stopWaitSeconds}`;
  const findings = [
    ...(stopWaitSeconds < needed
      ? [failed(`${text}, and worker.stopWaitSeconds is ${needed}: runs are killed`, `Set stopwaitsecs=${needed}.`)]
      : []),
    ...(stopSignal === TERM ? [] : [failed(`stopsignal is ${stopSignal}, not TERM`, 'Set stopsignal=TERM.')]),
    ...(killsGroup ? [] : [warning('killasgroup=false leaves children behind', 'Set killasgroup=true.')]),
    // Supervisor itself must outlive its programs.
    ...(service !== null && service.stopSeconds <= stopWaitSeconds
      ? [
          failed(
            `${service.unit} is killed after ${service.stopSeconds} s, before its programs are stopped`,
            `systemctl edit ${service.unit}: [Service] TimeoutStopSec=${needed + 10}`,
          ),
        ]
      : []),
  ];
  return worst(findings, `${text}, TERM`);
}

function judgeUnitStop({ unit }: Extract<Supervision, { kind: 'systemd' }>, needed: number): Finding {
  const { stopSeconds, killMode } = unit;
  const findings = [
    ...(stopSeconds < needed
      ? [
          failed(
            `TimeoutStopSec=${stopSeconds}, and worker.stopWaitSeconds is ${needed}: runs are killed`,
            `Set TimeoutStopSec=${needed} in ${unit.unit}.`,
          ),
        ]
      : []),
    ...(killMode === 'mixed'
      ? []
      : [
          failed(
            `KillMode=${killMode} signals Claude Code too: runs do not finish`,
            `Set KillMode=mixed in ${unit.unit}.`,
          ),
        ]),
  ];
  return worst(findings, `TimeoutStopSec=${stopSeconds}, KillMode=mixed`);
}

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

/** Several processes of one program have the same finding. */
function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}
