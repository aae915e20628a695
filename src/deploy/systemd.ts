import { secretsOf, type DeployFacts, type DeployRole } from './deploy-facts.ts';
import type { DeployFile } from './deploy-file.ts';
import { FAILED_FOR_GOOD } from './final-exit-codes.ts';

/** Returns the units that run Longhaul under systemd (250 or later). */
export function toSystemdFiles(facts: DeployFacts): DeployFile[] {
  return [
    { path: 'longhaul-server.service', content: toServer(facts) },
    { path: 'longhaul-worker@.service', content: toWorker(facts) },
    { path: 'longhaul.target', content: toTarget(facts) },
  ];
}

function toServer(facts: DeployFacts): string {
  const { appDir, user, secretsDir, secrets } = facts;
  return `# Longhaul's server under systemd. longhaul-worker@.service has the workers, longhaul.target all of them.
#
# 1. Create the user: useradd --system --home-dir /var/lib/longhaul ${user}
# 2. Install the application with longhaul.config.ts in ${appDir}.
# 3. Write each secret to its file in ${secretsDir}, which only root needs to read: ${secrets.map(({ name }) => name).join(', ')}
# 4. Copy the three files to /etc/systemd/system/; then: systemctl daemon-reload
#    and: systemctl enable --now longhaul.target longhaul-server.service ${toInstances(facts)}
# 5. Read the log: journalctl --unit 'longhaul-*' --output cat
${toUnit(facts, 'server')}`;
}

function toWorker(facts: DeployFacts): string {
  return `# A worker of Longhaul under systemd. longhaul-server.service has the steps to install.
# Start another: systemctl enable --now longhaul-worker@${facts.workers + 1}.service
# Restart the workers in turn for a deploy: each lets its runs finish.
#   for n in $(seq ${facts.workers}); do systemctl restart "longhaul-worker@$n.service"; done
${toUnit(facts, 'worker')}`;
}

function toTarget(facts: DeployFacts): string {
  return `# All processes of Longhaul: systemctl start longhaul.target, systemctl stop longhaul.target
[Unit]
Description=Longhaul
Wants=longhaul-server.service ${toInstances(facts)}

[Install]
WantedBy=multi-user.target
`;
}

function toInstances({ workers }: DeployFacts): string {
  return Array.from({ length: workers }, (_, index) => `longhaul-worker@${index + 1}.service`).join(' ');
}

const DELEGATE = `# Longhaul gives the processes of each run their own limits.
Delegate=pids memory cpu

`;

function toUnit(facts: DeployFacts, role: DeployRole): string {
  const { appDir, user, stopWaitSeconds, secretsDir } = facts;
  return `[Unit]
Description=Longhaul ${role}${role === 'worker' ? ' %i' : ''}
After=network-online.target postgresql.service
Wants=network-online.target
PartOf=longhaul.target
# A database that is away for an hour must not end the restarts.
StartLimitIntervalSec=0

[Service]
Type=exec
User=${user}
WorkingDirectory=${appDir}
ExecStart=${appDir}/node_modules/.bin/longhaul ${role}
${toEnvironment(facts, role)}
# Copies that only this unit can read.
${secretsOf(facts, role)
  .map(({ name }) => `LoadCredential=${name}:${secretsDir}/${name}`)
  .join('\n')}
StateDirectory=longhaul
StateDirectoryMode=0700

# Signals Longhaul alone: with the default, Claude Code gets the signal too, and runs do not get to finish.
KillMode=mixed
# The last timeout of the chain: worker.stopWaitSeconds.
TimeoutStopSec=${stopWaitSeconds}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=${FAILED_FOR_GOOD.join(' ')}
# The kernel may end an agent that has too much memory, and nothing else.
OOMPolicy=continue
LimitNOFILE=65536

${role === 'worker' ? DELEGATE : ''}NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
# If agents write to workspaces outside /var/lib/longhaul, name them:
#ReadWritePaths=/srv/workspaces

[Install]
WantedBy=longhaul.target
`;
}

function toEnvironment(facts: DeployFacts, role: DeployRole): string {
  const { path, port, variables } = facts;
  const all = {
    HOME: '/var/lib/longhaul',
    PATH: path,
    NODE_ENV: 'production',
    LONGHAUL_DATA_DIR: '/var/lib/longhaul',
    ...(role === 'server' && { LONGHAUL_PORT: String(port) }),
    ...variables,
    ...Object.fromEntries(secretsOf(facts, role).map(({ variable, name }) => [`${variable}_FILE`, `%d/${name}`])),
  };
  return Object.entries(all)
    .map(([name, value]) => `Environment=${name}=${value}`)
    .join('\n');
}
