import path from 'node:path';
import type { VertexProvider } from './config.ts';
import { project as projectSchema, region as regionSchema } from './provider-schema.ts';
import { resolveReach } from './resolve-reach.ts';
import { readRequired, toBaseUrl, type Input, type Resolving } from './resolving-provider.ts';

/** Resolves a Google Vertex AI provider from the file and Google's variables. */
export function resolveVertex(resolving: Resolving<Input<'vertex'>>): VertexProvider {
  const { input, env, baseDir } = resolving;
  const region = readRequired(resolving, 'region', {
    value: input.region ?? env['CLOUD_ML_REGION'],
    schema: regionSchema(),
    variable: 'CLOUD_ML_REGION',
  });
  const project = readRequired(resolving, 'project', {
    value: input.project ?? env['ANTHROPIC_VERTEX_PROJECT_ID'] ?? env['GOOGLE_CLOUD_PROJECT'],
    schema: projectSchema(),
    variable: 'ANTHROPIC_VERTEX_PROJECT_ID',
  });
  const keyFile = input.keyFile ?? env['GOOGLE_APPLICATION_CREDENTIALS'];
  return {
    kind: 'vertex',
    region,
    project,
    ...resolveReach(resolving, {
      baseUrl: toBaseUrl(resolving, 'ANTHROPIC_VERTEX_BASE_URL', toVertexUrl(region)),
      isOfVariables: resolving.isOfVariables,
    }),
    keyFile: keyFile === undefined ? null : path.resolve(baseDir, keyFile),
    models: input.models ?? {},
  };
}

/**
 * Returns the address of a region:
 * https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
 */
function toVertexUrl(region: string): string {
  if (region === 'global') return 'https://aiplatform.googleapis.com/v1';
  if (region === 'us' || region === 'eu') return `https://aiplatform.${region}.rep.googleapis.com/v1`;
  return `https://${region}-aiplatform.googleapis.com/v1`;
}
