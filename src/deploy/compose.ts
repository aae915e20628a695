import { secretsOf, type DeployFacts, type DeployRole } from './deploy-facts.ts';
import type { DeployFile } from './deploy-file.ts';
import { CONTAINER_SECRETS, CONTAINER_USER, toDockerFiles } from './docker.ts';

/** Returns the files that run Longhaul and its PostgreSQL with Docker Compose. */
export function toComposeFiles(facts: DeployFacts): DeployFile[] {
  return [{ path: 'compose.yaml', content: toCompose(facts) }, ...toDockerFiles(facts)];
}

function toCompose(facts: DeployFacts): string {
  const { port, workers, workerMemoryMb, secrets } = facts;
  return `# Longhaul with Docker Compose: PostgreSQL, a server and ${workers} workers.
#
# 1. Put this file, Dockerfile and .dockerignore beside package.json, package-lock.json and longhaul.config.ts.
# 2. Make the secrets:
#      mkdir -m 700 secrets
#      openssl rand -hex 24 > secrets/postgres-password
#      echo "postgres://longhaul:$(cat secrets/postgres-password)@database/longhaul" > secrets/database-url
#      echo "lh_$(openssl rand -hex 32)" > secrets/admin-key
#    and write each other secret to its file: ${toOthers(facts)}
#      sudo chown ${CONTAINER_USER} secrets/* && sudo chmod 400 secrets/*
# 3. Start: docker compose up --build --detach
# 4. Use it: LONGHAUL_API_KEY=$(sudo cat secrets/admin-key) npx longhaul runs
#
# More workers: docker compose up --detach --scale worker=${workers + 2}
# A worker that is drained over HTTP, or that ends with a wrong configuration, is started again: remove it by --scale.

x-longhaul: &longhaul
  image: ${facts.image}
  volumes:
    - data:/data
  depends_on:
    database:
      condition: service_healthy
  restart: unless-stopped
  # The last timeout of the chain: worker.stopWaitSeconds.
  stop_grace_period: ${facts.stopWaitSeconds}s
  read_only: true
  tmpfs:
    - /tmp:exec,mode=1777
  cap_drop:
    - ALL
  security_opt:
    - no-new-privileges:true
  pids_limit: 4096

services:
  server:
    <<: *longhaul
    build: .
    command: [server]
${toSecrets(facts, 'server')}
    ports:
      # Behind a proxy with TLS on the same machine.
      - 127.0.0.1:${port}:${port}

  worker:
    <<: *longhaul
    command: [worker]
${toSecrets(facts, 'worker')}
${toWorkerHealth(facts)}
    # The slots' needs; a worker claims no run for which there is no memory.
    mem_limit: ${workerMemoryMb}m
    deploy:
      replicas: ${workers}

  database:
    image: postgres:18
    environment:
      POSTGRES_USER: longhaul
      POSTGRES_PASSWORD_FILE: ${CONTAINER_SECRETS}/postgres-password
    secrets:
      - postgres-password
    volumes:
      - database:/var/lib/postgresql
    restart: unless-stopped
    stop_grace_period: 60s
    shm_size: 256m
    healthcheck:
      test: [CMD, pg_isready, --username, longhaul]
      interval: 5s
      retries: 20

secrets:
  postgres-password:
    file: ./secrets/postgres-password
${secrets.map(({ name }) => `  ${name}:\n    file: ./secrets/${name}`).join('\n')}

volumes:
  data: {}
  database: {}
`;
}

/** A worker listens only if it has a port for probes. */
function toWorkerHealth({ metricsPort }: DeployFacts): string {
  return metricsPort === null
    ? `    # Without LONGHAUL_METRICS_PORT a worker listens nowhere.
    healthcheck:
      disable: true`
    : `    # The image's health check asks LONGHAUL_METRICS_PORT.`;
}

function toSecrets(facts: DeployFacts, role: DeployRole): string {
  const secrets = secretsOf(facts, role);
  const environment: Record<string, string> = {
    ...(Object.fromEntries(
      secrets.map(({ variable, name }) => [`${variable}_FILE`, `${CONTAINER_SECRETS}/${name}`]),
    ) as Record<string, string>),
    ...(role === 'worker' && facts.metricsPort !== null && { LONGHAUL_METRICS_PORT: String(facts.metricsPort) }),
    ...facts.variables,
  };
  const lines = Object.entries(environment).map(([name, value]) => `      ${name}: '${value}'`);
  return `    environment:
${lines.join('\n')}
    secrets:
${secrets.map(({ name }) => `      - ${name}`).join('\n')}`;
}

function toOthers({ secrets }: DeployFacts): string {
  const others = secrets.map(({ name }) => name).filter((name) => name !== 'database-url' && name !== 'admin-key');
  return others.length === 0 ? 'there is none' : others.join(', ');
}
