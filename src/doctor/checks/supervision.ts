import type { Config } from '../../config/config.ts';
import { failed, ok, skipped, warning, worst, type Check, type Finding } from '../check.ts';
import { findSupervision, type Supervision } from '../machine/supervision.ts';
import { distinct } from './distinct.ts';

/** SIGTERM. */
const TERM = 15;

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
