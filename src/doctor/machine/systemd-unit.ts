import { runProgram } from './run-program.ts';

/** The settings of a systemd unit that decide on stops and restarts. */
export interface SystemdUnit {
  readonly unit: string;
  /** Infinity for no limit. */
  readonly stopSeconds: number;
  readonly killMode: string;
  readonly restart: string;
  /** Exit codes after which it is not started again. */
  readonly finalCodes: readonly number[];
  /** True when a number of failed starts ends the restarts. */
  readonly hasStartLimit: boolean;
}

const PROPERTIES = ['TimeoutStopUSec', 'KillMode', 'Restart', 'RestartPreventExitStatus', 'StartLimitIntervalUSec'];

/** Returns the innermost service of a control group, as in `/proc/PID/cgroup`; null when there is none. */
export function findUnit(cgroup: string): string | null {
  return [...cgroup.matchAll(/\/([^/\n]+\.service)(?=\/|\n|$)/g)].at(-1)?.[1] ?? null;
}

/** Reads the settings of a unit in force; null when systemd does not answer. */
export async function readSystemdUnit(
  unit: string,
  { signal, isOfUser }: { signal: AbortSignal; isOfUser: boolean },
): Promise<SystemdUnit | null> {
  const args = [...(isOfUser ? ['--user'] : []), 'show', unit, ...PROPERTIES.map((name) => `--property=${name}`)];
  const env = definedOf(['PATH', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS']);
  const { code, stdout } = await runProgram('systemctl', args, { signal, env });
  return code === 0 && stdout.includes('KillMode=') ? parseUnit(unit, stdout) : null;
}

/** Parses the lines that `systemctl show` prints. */
export function parseUnit(unit: string, output: string): SystemdUnit {
  const values = new Map(
    output.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  );
  const read = (name: string) => values.get(name)?.trim() ?? '';
  return {
    unit,
    stopSeconds: parseTimeSpan(read('TimeoutStopUSec')),
    killMode: read('KillMode'),
    restart: read('Restart'),
    finalCodes: [...read('RestartPreventExitStatus').matchAll(/\b\d+\b/g)].map(([code]) => Number(code)),
    hasStartLimit: parseTimeSpan(read('StartLimitIntervalUSec')) > 0,
  };
}

const UNITS: Readonly<Record<string, number>> = {
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3_600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
  w: 604_800,
};

/** Parses a time span as systemd prints it, such as `3min 30s` or `infinity` (systemd.time(7)). */
export function parseTimeSpan(text: string): number {
  if (text === 'infinity') return Infinity;
  return [...text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0),
    0,
  );
}

function definedOf(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
