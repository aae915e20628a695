import { secretsOf, type DeployFacts, type DeployRole } from './deploy-facts.ts';
import type { DeployFile } from './deploy-file.ts';
import { CONTAINER_SECRETS, CONTAINER_USER } from './docker.ts';

/** Returns the manifests that run Longhaul on Kubernetes, with a PostgreSQL that is there already. */
export function toKubernetesFiles(facts: DeployFacts): DeployFile[] {
  return [{ path: 'longhaul.yaml', content: toManifests(facts) }];
}

/** Servers: while one restarts, the other answers. */
const SERVERS = 2;

function toManifests(facts: DeployFacts): string {
  return `# Longhaul on Kubernetes: ${SERVERS} servers and ${facts.workers} workers, with a PostgreSQL that is there already.
#
# 1. Build and push the image (longhaul deploy docker), and name it in this file, or run the command with --image.
# 2. Write each secret to its file: ${facts.secrets.map(({ name }) => name).join(', ')}
#    and create the Secret, which is in no file that Git sees:
#      kubectl create secret generic longhaul${facts.secrets.map(({ name }) => ` --from-file=${name}`).join('')}
# 3. Apply: kubectl apply --filename longhaul.yaml
# 4. Use it: kubectl port-forward service/longhaul ${facts.port}
#
# Every start migrates the database under a lock, so a rollout needs no job for it.
# A worker that is drained over HTTP is started again: use kubectl scale deployment/longhaul-worker instead.
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: longhaul
${toLabels('', 2)}
# An agent's tools must not reach the cluster.
automountServiceAccountToken: false
---
apiVersion: v1
kind: Service
metadata:
  name: longhaul
${toLabels('server', 2)}
spec:
  selector:
${toSelector('server', 4)}
  ports:
    - name: http
      port: ${facts.port}
      targetPort: http
${toDeployment(facts, 'server')}
${toDeployment(facts, 'worker')}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: longhaul-server
${toLabels('server', 2)}
spec:
  minAvailable: 1
  selector:
    matchLabels:
${toSelector('server', 6)}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: longhaul-worker
${toLabels('worker', 2)}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
${toSelector('worker', 6)}
`;
}

function toDeployment(facts: DeployFacts, role: DeployRole): string {
  const { image, workers, stopWaitSeconds } = facts;
  return `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: longhaul-${role}
${toLabels(role, 2)}
spec:
  replicas: ${role === 'server' ? SERVERS : workers}
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
${toSelector(role, 6)}
  template:
    metadata:
${toLabels(role, 6)}
    spec:
      serviceAccountName: longhaul
      automountServiceAccountToken: false
      # Otherwise the Service would set LONGHAUL_PORT to an address.
      enableServiceLinks: false
      # The last timeout of the chain: worker.stopWaitSeconds.
      terminationGracePeriodSeconds: ${stopWaitSeconds}
      securityContext:
        runAsNonRoot: true
        runAsUser: ${CONTAINER_USER}
        runAsGroup: ${CONTAINER_USER}
        fsGroup: ${CONTAINER_USER}
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: longhaul
          image: ${image}
          args: [${role}]
          env:
${toEnv(facts, role)}
${toPorts(facts, role)}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          resources:
${toResources(facts, role)}
          volumeMounts:
            - name: data
              mountPath: /data
            - name: tmp
              mountPath: /tmp
            - name: secrets
              mountPath: ${CONTAINER_SECRETS}/longhaul
              readOnly: true
      volumes:
        - name: data
          emptyDir: {}
        - name: tmp
          emptyDir: {}
        - name: secrets
          secret:
            secretName: longhaul
            defaultMode: 0440
            items:
${toItems(facts, role)}`;
}

function toItems(facts: DeployFacts, role: DeployRole): string {
  return secretsOf(facts, role)
    .map(({ name }) => `              - key: ${name}\n                path: ${name}`)
    .join('\n');
}

function toEnv(facts: DeployFacts, role: DeployRole): string {
  const { variables, port, metricsPort } = facts;
  const files = secretsOf(facts, role).map(({ variable, name }) => [
    `${variable}_FILE`,
    `${CONTAINER_SECRETS}/longhaul/${name}`,
  ]);
  const all: Record<string, string> = {
    ...(Object.fromEntries(files) as Record<string, string>),
    ...(role === 'server' && { LONGHAUL_PORT: String(port) }),
    ...(role === 'worker' && metricsPort !== null && { LONGHAUL_METRICS_PORT: String(metricsPort) }),
    ...variables,
  };
  return Object.entries(all)
    .map(([name, value]) => `            - name: ${name}\n              value: '${value}'`)
    .join('\n');
}

/** A worker listens only if it has a port for probes. */
function toPorts({ port, metricsPort }: DeployFacts, role: DeployRole): string {
  const own = role === 'server' ? port : metricsPort;
  if (own === null) {
    return `          # Probes need LONGHAUL_METRICS_PORT; set it and run longhaul deploy again.`;
  }
  return `          ports:
            - name: http
              containerPort: ${own}
          # A start may wait for the database, and migrate it.
          startupProbe:
            httpGet:
              path: /livez
              port: http
            periodSeconds: 5
            failureThreshold: 60
          livenessProbe:
            httpGet:
              path: /livez
              port: http
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            timeoutSeconds: 5`;
}

function toResources({ workerMemoryMb }: DeployFacts, role: DeployRole): string {
  const memory = `${role === 'server' ? 512 : workerMemoryMb}M`;
  return `            requests:
              cpu: ${role === 'server' ? '250m' : '1000m'}
              memory: ${memory}
            limits:
              memory: ${memory}`;
}

function toLabels(role: DeployRole | '', indent: number): string {
  return `${' '.repeat(indent)}labels:\n${toSelector(role, indent + 2)}`;
}

function toSelector(role: DeployRole | '', indent: number): string {
  const labels = {
    'app.kubernetes.io/name': 'longhaul',
    ...(role !== '' && { 'app.kubernetes.io/component': role }),
  };
  return Object.entries(labels)
    .map(([name, value]) => `${' '.repeat(indent)}${name}: ${value}`)
    .join('\n');
}
