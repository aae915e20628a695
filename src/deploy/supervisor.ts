import { plural } from '../core/plural.ts';
import { secretsOf, type DeployFacts, type DeployRole } from './deploy-facts.ts';
import type { DeployFile } from './deploy-file.ts';
import { FAILED_FOR_GOOD } from './final-exit-codes.ts';

/** Returns the files that run Longhaul under Supervisor (supervisord.org). */
export function toSupervisorFiles(facts: DeployFacts): DeployFile[] {
  return [
    { path: 'longhaul.conf', content: toPrograms(facts) },
    { path: 'supervisor.service.d/longhaul.conf', content: toDropIn(facts) },
  ];
}

function toPrograms(facts: DeployFacts): string {
  const { appDir, dataDir, logDir, secretsDir, user, workers, secrets } = facts;
  return `# Longhaul under Supervisor: a server, and ${plural(workers, 'worker')} on the same PostgreSQL.
#
# 1. Create the user and the directories:
#      useradd --system --home-dir ${dataDir} ${user}
#      install -d -o ${user} -m 700 ${dataDir}
#      install -d -o ${user} -m 750 ${logDir}
#      install -d -o ${user} -m 700 ${secretsDir}
# 2. Install the application with longhaul.config.ts in ${appDir}.
# 3. Write each secret to its file, which only ${user} can read: ${secrets.map(({ name }) => name).join(', ')}
# 4. Copy this file to /etc/supervisor/conf.d/, and supervisor.service.d/longhaul.conf to
#    /etc/systemd/system/supervisor.service.d/; then: systemctl daemon-reload && supervisorctl update
#
# A deploy restarts the processes in turn, so that runs always find a worker:
#   for n in $(supervisorctl status | awk '/^longhaul/ { print $1 }'); do supervisorctl restart "$n"; done
#
# Only the exit code decides about a restart, so startsecs is 0: before startsecs, Supervisor counts every exit as a
# failed start, and retries a wrong configuration.

${toProgram(facts, 'server')}
stdout_logfile=${logDir}/server.log

${toProgram(facts, 'worker')}
numprocs=${workers}
process_name=%(program_name)s-%(process_num)02d
# A file for each process: each rotates its own.
stdout_logfile=${logDir}/worker-%(process_num)02d.log
`;
}

function toProgram(facts: DeployFacts, role: DeployRole): string {
  const { appDir, user, stopWaitSeconds } = facts;
  return `[program:longhaul-${role}]
command=${appDir}/node_modules/.bin/longhaul ${role}
directory=${appDir}
user=${user}
environment=${toEnvironment(facts, role)}
autostart=true
autorestart=unexpected
# 0: drained or stopped. The others: wrong until somebody mends it. 75 and all others are restarted.
exitcodes=${[0, ...FAILED_FOR_GOOD].join(',')}
startsecs=0
startretries=1000000
stopsignal=TERM
# The last timeout of the chain: worker.stopWaitSeconds.
stopwaitsecs=${stopWaitSeconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=10`;
}

function toEnvironment(facts: DeployFacts, role: DeployRole): string {
  const { dataDir, path, port, secretsDir, variables } = facts;
  const all = {
    HOME: dataDir,
    PATH: path,
    NODE_ENV: 'production',
    LONGHAUL_DATA_DIR: dataDir,
    ...(role === 'server' && { LONGHAUL_PORT: String(port) }),
    ...variables,
    ...Object.fromEntries(
      secretsOf(facts, role).map(({ variable, name }) => [`${variable}_FILE`, `${secretsDir}/${name}`]),
    ),
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',\n    ');
}

function toDropIn({ outerStopWaitSeconds, stopWaitSeconds }: DeployFacts): string {
  return `# Time for Supervisor to stop Longhaul when the machine shuts down, or at: systemctl stop supervisor
# Copy this file to /etc/systemd/system/supervisor.service.d/; then: systemctl daemon-reload
# Without it systemd kills Supervisor's processes after 90 s, before stopwaitsecs=${stopWaitSeconds} has passed.
[Service]
TimeoutStopSec=${outerStopWaitSeconds}
KillMode=mixed
`;
}
