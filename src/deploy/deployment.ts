import { toComposeFiles } from './compose.ts';
import type { DeployFacts } from './deploy-facts.ts';
import type { DeployFile } from './deploy-file.ts';
import { toDockerFiles } from './docker.ts';
import { toKubernetesFiles } from './kubernetes.ts';
import { seal } from './seal.ts';
import { toSupervisorFiles } from './supervisor.ts';
import { toSystemdFiles } from './systemd.ts';

const KINDS = {
  supervisor: toSupervisorFiles,
  systemd: toSystemdFiles,
  docker: toDockerFiles,
  compose: toComposeFiles,
  kubernetes: toKubernetesFiles,
} as const satisfies Record<string, (facts: DeployFacts) => readonly DeployFile[]>;

/** A way to run Longhaul. */
export type DeployKind = keyof typeof KINDS;

/** @public For the script that writes the samples in `deploy/`. */
export const DEPLOY_KINDS = Object.keys(KINDS) as readonly DeployKind[];

/** Returns the files of a deployment, each with its checksum at the end. */
export function toDeployFiles(kind: DeployKind, facts: DeployFacts): DeployFile[] {
  return KINDS[kind](facts).map(({ path, content }) => ({ path, content: seal(content) }));
}
