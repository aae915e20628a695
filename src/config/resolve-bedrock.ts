import type { BedrockProvider } from './config.ts';
import { region as regionSchema } from './provider-schema.ts';
import { resolveReach } from './resolve-reach.ts';
import { read, readRequired, toBaseUrl, type Input, type Resolving } from './resolving-provider.ts';

/** Resolves an Amazon Bedrock provider from the file and AWS's variables. */
export function resolveBedrock(resolving: Resolving<Input<'bedrock'>>): BedrockProvider {
  const { input, env } = resolving;
  const region = readRequired(resolving, 'region', {
    value: input.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'],
    schema: regionSchema(),
    variable: 'AWS_REGION',
  });
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return {
    kind: 'bedrock',
    region,
    ...resolveReach(resolving, {
      baseUrl: toBaseUrl(resolving, 'ANTHROPIC_BEDROCK_BASE_URL', `https://bedrock-runtime.${region}.${suffix}`),
      isOfVariables: resolving.isOfVariables,
    }),
    ...readAwsCredentials(resolving),
    models: input.models ?? {},
  };
}

/** The file takes precedence over variables, and explicit credentials take precedence over AWS's credential chain. */
function readAwsCredentials(
  resolving: Resolving<Input<'bedrock'>>,
): Pick<BedrockProvider, 'apiKey' | 'accessKey' | 'profile'> {
  const { input, env, errors, name } = resolving;
  const [apiKey, id, secret] = [
    read(resolving, 'apiKey'),
    read(resolving, 'accessKeyId'),
    read(resolving, 'secretAccessKey'),
  ];
  if ((input.accessKeyId === undefined) !== (input.secretAccessKey === undefined)) {
    const missing = input.accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey';
    errors.push({ path: `providers.${name}.${missing}`, message: 'is missing: the two belong together' });
  }
  if (apiKey !== null) return { apiKey, accessKey: null, profile: null };
  if (id !== null && secret !== null) {
    return { apiKey: null, accessKey: { id, secret, sessionToken: read(resolving, 'sessionToken') }, profile: null };
  }
  if (input.profile !== undefined) return { apiKey: null, accessKey: null, profile: input.profile };
  if (env['AWS_BEARER_TOKEN_BEDROCK']) {
    return { apiKey: env['AWS_BEARER_TOKEN_BEDROCK'], accessKey: null, profile: null };
  }
  const [envId, envSecret] = [env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY']];
  if (envId && envSecret && !env['AWS_PROFILE']) {
    const accessKey = { id: envId, secret: envSecret, sessionToken: env['AWS_SESSION_TOKEN'] ?? null };
    return { apiKey: null, accessKey, profile: null };
  }
  return { apiKey: null, accessKey: null, profile: env['AWS_PROFILE'] ?? null };
}
