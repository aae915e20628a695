import type { FieldError } from '../core/errors.ts';
import type { PriceOverrides } from '../core/pricing.ts';
import type { AnthropicProvider, BedrockProvider, Provider, VertexProvider } from './config.ts';
import { resolveBedrock } from './resolve-bedrock.ts';
import { parseHeaderLines } from './provider-headers.ts';
import { resolveReach } from './resolve-reach.ts';
import { resolveVertex } from './resolve-vertex.ts';
import {
  read,
  type Input,
  type ProviderInput,
  type ProvidersInput,
  type Resolving,
  type Variables,
} from './resolving-provider.ts';

/** The options of an agent that decide on its provider. */
interface AgentInput {
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly subagents?: Readonly<Record<string, { readonly model?: string | undefined }>> | undefined;
}

interface ResolveProvidersOptions {
  readonly providers: ProvidersInput;
  readonly agents: Readonly<Record<string, AgentInput>>;
  readonly env: Variables;
  /** Base of relative paths. */
  readonly baseDir: string;
}

/**
 * Resolves all providers, always including `default`: from the file, or else from the variables. Do not use the value
 * if there are `errors`.
 */
export function resolveProviders(options: ResolveProvidersOptions): {
  value: ReadonlyMap<string, Provider>;
  errors: readonly FieldError[];
  warnings: readonly string[];
} {
  const { providers, agents } = options;
  const errors: FieldError[] = [];
  const env = Object.fromEntries(Object.entries(options.env).filter(([, value]) => value !== ''));
  const value = new Map<string, Provider>();
  const isChosen = !Object.hasOwn(providers, 'default');
  const all = isChosen ? { ...providers, default: chooseByVariables(env, errors) } : providers;
  for (const [name, input] of Object.entries(all)) {
    const own = Object.values(agents).filter((agent) => (agent.provider ?? 'default') === name);
    const isOfVariables = isChosen && name === 'default';
    const provider = resolveProvider({ ...options, env, errors, name, input, isOfVariables });
    if (provider.kind === 'scripted' || input.kind === 'scripted') value.set(name, { kind: 'scripted' });
    else {
      const prices = (input.prices ?? {}) as PriceOverrides;
      value.set(name, { ...provider, models: withOwn(provider.models, own), prices });
    }
  }
  errors.push(...findProviderErrors(agents, value));
  return { value, errors, warnings: findUnusedHeaders(env, value) };
}

/**
 * Returns a warning if no provider uses the headers in the variable: a secret meant for one address is not sent to
 * another.
 */
function findUnusedHeaders(env: Variables, providers: ReadonlyMap<string, Provider>): string[] {
  const [name] = parseHeaderLines(env['ANTHROPIC_CUSTOM_HEADERS'] ?? '')?.[0] ?? [];
  const isTaken = [...providers.values()].some(
    (provider) => provider.kind !== 'scripted' && Object.hasOwn(provider.headers, name?.toLowerCase() ?? ''),
  );
  if (name === undefined || isTaken) return [];
  return [
    'ANTHROPIC_CUSTOM_HEADERS has no effect: it applies to a provider whose address the variables choose, and there is none. Set providers.NAME.headers instead.',
  ];
}

/** Returns the variables that make Claude Code request only features that the clouds know. */
export function toProviderEnv(provider: Provider | undefined): Readonly<Record<string, string>> {
  // Claude Code does the same when it calls the clouds directly: they reject a call with a beta they do not know.
  return provider?.kind === 'bedrock' || provider?.kind === 'vertex'
    ? { CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS: '1' }
    : {};
}

/** Chooses the default provider when the file has none. */
function chooseByVariables(env: Variables, errors: FieldError[]): ProviderInput {
  const [isBedrock, isVertex] = [isOn(env['CLAUDE_CODE_USE_BEDROCK']), isOn(env['CLAUDE_CODE_USE_VERTEX'])];
  if (isBedrock && isVertex) {
    errors.push({
      path: 'CLAUDE_CODE_USE_VERTEX',
      message: 'and CLAUDE_CODE_USE_BEDROCK are both set; unset one of them',
    });
  }
  if (isBedrock) return { kind: 'bedrock', baseUrl: env['ANTHROPIC_BEDROCK_BASE_URL'], models: namedModels(env) };
  if (isVertex) return { kind: 'vertex', baseUrl: env['ANTHROPIC_VERTEX_BASE_URL'], models: namedModels(env) };
  const isAnthropic = ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_BASE_URL'].some((name) => env[name]);
  return { kind: isAnthropic ? 'anthropic' : 'scripted' };
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}

/** Reads the variables that tell Claude Code the names of the models at a cloud. */
function namedModels(env: Variables): Record<string, string> {
  const named = {
    default: env['ANTHROPIC_MODEL'],
    haiku: env['ANTHROPIC_DEFAULT_HAIKU_MODEL'] ?? env['ANTHROPIC_SMALL_FAST_MODEL'],
    sonnet: env['ANTHROPIC_DEFAULT_SONNET_MODEL'],
    opus: env['ANTHROPIC_DEFAULT_OPUS_MODEL'],
  };
  return Object.fromEntries(Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function resolveProvider(
  resolving: Resolving,
): AnthropicProvider | BedrockProvider | VertexProvider | { readonly kind: 'scripted' } {
  const { input } = resolving;
  switch (input.kind) {
    case 'anthropic':
      return resolveAnthropic({ ...resolving, input });
    case 'bedrock':
      return resolveBedrock({ ...resolving, input });
    case 'vertex':
      return resolveVertex({ ...resolving, input });
    case 'scripted':
      return { kind: 'scripted' };
  }
}

function resolveAnthropic(resolving: Resolving<Input<'anthropic'>>): AnthropicProvider {
  const { input, env } = resolving;
  // A key in the variables belongs to the address in the variables, and is sent to no other address.
  const isOwn = input.baseUrl !== undefined || input.apiKey !== undefined || input.authToken !== undefined;
  const baseUrl = input.baseUrl ?? (isOwn ? undefined : env['ANTHROPIC_BASE_URL']) ?? 'https://api.anthropic.com';
  return {
    kind: 'anthropic',
    ...resolveReach(resolving, { baseUrl: baseUrl.replace(/\/+$/, ''), isOfVariables: !isOwn }),
    apiKey: isOwn ? read(resolving, 'apiKey') : (env['ANTHROPIC_API_KEY'] ?? null),
    authToken: isOwn ? read(resolving, 'authToken') : (env['ANTHROPIC_AUTH_TOKEN'] ?? null),
    models: input.models ?? {},
  };
}

/** Adds the models that agents and subagents request by id: a family's name must not replace them. */
function withOwn(
  models: Readonly<Record<string, string>>,
  agents: readonly AgentInput[],
): Readonly<Record<string, string>> {
  const asked = agents.flatMap(({ model, subagents = {} }) => [
    model,
    ...Object.values(subagents).map((one) => one.model),
  ]);
  const ids = asked.filter((model) => model?.includes('-') === true);
  return { ...Object.fromEntries(ids.map((id) => [id, id])), ...models };
}

function findProviderErrors(
  agents: ResolveProvidersOptions['agents'],
  providers: ReadonlyMap<string, Provider>,
): FieldError[] {
  return Object.entries(agents).flatMap(([name, { provider: chosen = 'default', model }]): FieldError[] => {
    const provider = providers.get(chosen);
    if (provider === undefined) {
      const known = [...providers.keys()].map((key) => JSON.stringify(key)).join(', ');
      return [
        { path: `agents.${name}.provider`, message: `is ${JSON.stringify(chosen)}, which is not one of ${known}` },
      ];
    }
    // Claude Code's own default is one of Anthropic's names, which Bedrock does not know.
    if (provider.kind !== 'bedrock' || model !== undefined || Object.hasOwn(provider.models, 'default')) return [];
    const variable = chosen === 'default' ? ', or in the variable ANTHROPIC_MODEL' : '';
    const message = `is missing: Amazon Bedrock needs the id of a model or an inference profile, here or as providers.${chosen}.models.default${variable}`;
    return [{ path: `agents.${name}.model`, message }];
  });
}
