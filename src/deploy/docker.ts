import type { DeployFacts } from './deploy-facts.ts';
import type { DeployFile } from './deploy-file.ts';

/** Directory in a container where orchestrators mount secrets. */
export const CONTAINER_SECRETS = '/run/secrets';

/** User and group of the processes in a container. */
export const CONTAINER_USER = 1_000;

/** Returns the files that build the image of an application with Longhaul. */
export function toDockerFiles(facts: DeployFacts): DeployFile[] {
  return [
    { path: 'Dockerfile', content: toDockerfile(facts) },
    { path: '.dockerignore', content: IGNORED },
  ];
}

/** A request to the port of the process; the shell that Docker would use otherwise is not needed. */
const HEALTH =
  "const port = process.env.LONGHAUL_METRICS_PORT || process.env.LONGHAUL_PORT; fetch('http://127.0.0.1:' + port + '/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))";

function toDockerfile({ image, port, stopWaitSeconds, secrets }: DeployFacts): string {
  return `# The image of an application with Longhaul, for its server, its workers and every other command.
#
# 1. Put this file and .dockerignore beside package.json, package-lock.json and longhaul.config.ts.
# 2. Build: docker build --tag ${image} .
# 3. Write each secret to its file in ./secrets, which user ${CONTAINER_USER} can read: ${secrets.map(({ name }) => name).join(', ')}
# 4. Run a server. For a worker, replace --publish by --no-healthcheck, and the last word by worker.
#      docker run --detach --read-only --tmpfs /tmp:exec,mode=1777 --volume longhaul-data:/data \\
#        --cap-drop ALL --security-opt no-new-privileges --pids-limit 4096 --stop-timeout ${stopWaitSeconds} \\
#        --volume "$PWD/secrets:${CONTAINER_SECRETS}:ro" \\
${secrets.map(({ variable, name }) => `#        --env ${variable}_FILE=${CONTAINER_SECRETS}/${name} \\`).join('\n')}
#        --publish ${port}:${port} ${image} server
#
# No secret belongs into the image: a layer keeps whatever a build has seen.

FROM node:24-bookworm-slim AS build
ENV NODE_ENV=production
WORKDIR /app
# The packages change less often than the application, and have their own layer.
COPY package*.json *.tgz ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force
COPY . .

# The programs that agents use, such as git, belong into this stage.
FROM debian:bookworm-slim
RUN apt-get update \\
  && apt-get install --yes --no-install-recommends bubblewrap ca-certificates libstdc++6 tini \\
  && rm -rf /var/lib/apt/lists/* \\
  && useradd --uid ${CONTAINER_USER} --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin longhaul \\
  && install --directory --owner=longhaul --group=longhaul --mode=700 /data
COPY --from=build /usr/local/bin/node /usr/local/bin/node
# Of root: the processes cannot change their own code.
COPY --from=build /app /app

ENV NODE_ENV=production HOME=/data LONGHAUL_DATA_DIR=/data LONGHAUL_HOST=0.0.0.0 LONGHAUL_PORT=${port}
WORKDIR /app
VOLUME /data
USER ${CONTAINER_USER}:${CONTAINER_USER}
EXPOSE ${port}
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s \\
  CMD ["node", "-e", ${JSON.stringify(HEALTH)}]
# tini waits for processes that tools leave behind, and passes signals on to Longhaul alone.
ENTRYPOINT ["tini", "--", "node_modules/.bin/longhaul"]
CMD ["server"]
`;
}

const IGNORED = `# Files that do not belong into the image: secrets first, then everything that the build makes itself.
**/.env*
secrets
.longhaul
.git
**/node_modules
Dockerfile
.dockerignore
compose.yaml
`;
