import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { configSchema } from '../src/config/schema.ts';

/** An option of `longhaul.config.ts`. */
export interface ConfigOption {
  /** Path of the option, such as `agents.NAME.limits.maxTurns`. */
  readonly path: string;
  /** Text of the docstring; empty when there is none. */
  readonly meaning: string;
  /** Allowed values, in words. */
  readonly allowed: string;
  /** Default value according to the docstring, or null. */
  readonly default: string | null;
  readonly isRequired: boolean;
  /** True when the option contains further options instead of a value. */
  readonly isGroup: boolean;
}

type Schema = z.core.JSONSchema.JSONSchema;

const FILES = [
  'schema.ts',
  'fleet-limits-schema.ts',
  'alerts-schema.ts',
  'approvals-schema.ts',
  'http-schema.ts',
  'dashboard-schema.ts',
  'oidc-schema.ts',
  'metrics-schema.ts',
  'tracing-schema.ts',
  'database-schema.ts',
  'queue-backend-schema.ts',
  'health-schema.ts',
  'managed-agents-schema.ts',
  'webhooks-schema.ts',
  'prices-schema.ts',
  'provider-schema.ts',
  'mcp-server.ts',
  'subagent.ts',
  'tool-hooks.ts',
];

const CHANNELS = ['log', 'webhook', 'slack', 'email'].map((type) => `alerts.channels.${type}`);

const PROVIDERS = ['anthropic', 'bedrock', 'vertex'].map((kind) => `providers.NAME.${kind}`);

/** Paths of the schema's parts that are declared separately. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  approvalsSchema: ['agents.NAME.approvals'],
  configSchema: [''],
  agentSchema: ['agents.NAME'],
  limitsSchema: ['agents.NAME.limits'],
  workspaceSchema: ['agents.NAME.workspace'],
  hooksSchema: ['agents.NAME.hooks'],
  mcpServerSchema: ['agents.NAME.mcpServers.NAME'],
  subagentSchema: ['agents.NAME.subagents.NAME'],
  priceSchema: ['prices.NAME', ...PROVIDERS.map((provider) => `${provider}.prices.NAME`)],
  pricesSchema: ['prices'],
  fleetLimitsSchema: ['limits'],
  budgetSchema: ['limits.perUser', 'limits.perTeam', 'limits.global'],
  alertsSchema: ['alerts'],
  httpSchema: ['http'],
  dashboardSchema: ['dashboard'],
  oidcSchema: ['dashboard.oidc'],
  oidcGroupSchema: ['dashboard.oidc.groups'],
  metricsSchema: ['metrics'],
  tracingSchema: ['tracing'],
  databaseSchema: ['database'],
  queueBackendSchema: ['queue'],
  healthSchema: ['health'],
  managedAgentsSchema: ['managedAgents'],
  webhooksSchema: ['webhooks'],
  channelSchema: CHANNELS,
  providersSchema: ['providers'],
  commonSchema: PROVIDERS,
  anthropicSchema: ['providers.NAME.anthropic'],
  bedrockSchema: ['providers.NAME.bedrock'],
  vertexSchema: ['providers.NAME.vertex'],
  scriptedSchema: ['providers.NAME.scripted'],
  logSchema: ['alerts.channels.log'],
  webhookSchema: ['alerts.channels.webhook'],
  slackSchema: ['alerts.channels.slack'],
  emailSchema: ['alerts.channels.email'],
};

/** Parts that occur in several places and are not options themselves. */
const SHARED = new Set(['budgetSchema', 'channelSchema', 'commonSchema']);

const UNITS: readonly (readonly [ending: RegExp, unit: string])[] = [
  [/Usd$|^usdPer(Day|Month)$|UsdPerMTok$/, 'USD'],
  [/Seconds$/, 'seconds'],
  [/Minutes$/, 'minutes'],
  [/Days$/, 'days'],
  [/Mb$/, 'MB'],
  [/Tokens$/, 'tokens'],
  [/Length$/, 'characters'],
];

/** Returns every option: names and allowed values from the schema itself, text from its docstrings. */
export function readConfigOptions(): ConfigOption[] {
  const sources = FILES.map((file) => readFileSync(new URL(`../src/config/${file}`, import.meta.url), 'utf8'));
  const docs = new Map(sources.flatMap((source) => [...readDocs(source)]));
  const options: ConfigOption[] = [];

  function walk(schema: Schema, parent: string): void {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      const child = value as Schema;
      // The constant that distinguishes kinds is already part of the path.
      if (child.const !== undefined) continue;
      const path = parent === '' ? key : `${parent}.${key}`;
      const { meaning, default: fallback } = splitDefault(docs.get(path) ?? '');
      const isGroup = child.properties !== undefined || isByName(child) || kindsByName(child).length > 0;
      if (!isGroup) checkDefault(path, { inDoc: fallback, inSchema: child.default });
      options.push({
        path,
        meaning,
        allowed: toAllowed(key, child),
        default: fallback,
        isRequired: schema.required?.includes(key) ?? false,
        isGroup,
      });
      if (isByName(child)) walk(child.additionalProperties as Schema, `${path}.NAME`);
      // Of a union, only an object whose parts have their own docstrings.
      for (const one of child.anyOf ?? []) if (isDescribed(one, path)) walk(one, path);
      if (isListOfObjects(child)) walk(child.items as Schema, path);
      for (const one of kindsOf(child)) walk(one, `${path}.${nameOf(one)}`);
      for (const one of kindsByName(child)) walk(one, `${path}.NAME.${nameOf(one)}`);
      walk(child, path);
    }
  }

  function isDescribed(schema: Schema, path: string): boolean {
    return Object.keys(schema.properties ?? {}).some((key) => docs.has(`${path}.${key}`));
  }

  walk(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }), '');
  return options;
}

/**
 * Returns the docstrings of the schema's source by the path of their option. The source is formatted: nesting is
 * indentation.
 */
function readDocs(source: string): Map<string, string> {
  const docs = new Map<string, string>();
  let roots: readonly string[] = [];
  let parents: { indent: number; key: string }[] = [];
  const declarations =
    /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?^( *)(?:(?:export )?const )?(\w+)(?::| =) (?=z\b|\w+\(|\w+Schema\b)/gm;
  for (const [, comment = '', { length: indent } = '', key = ''] of source.matchAll(declarations)) {
    if (indent === 0) {
      roots = PLACES[key] ?? [];
      parents = [];
      if (roots.length === 0 && key.endsWith('Schema') && key !== 'environmentSchema')
        throw new Error(`scripts/config-options.ts has no path for ${key}.`);
    }
    parents = parents.filter((parent) => parent.indent < indent);
    if (indent > 0) parents.push({ indent, key });
    const text = comment
      .replace(/^\s*\* ?/gm, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    if (text === '' || (indent === 0 && SHARED.has(key))) continue;
    for (const root of roots) {
      docs.set([root, ...parents.map((parent) => parent.key)].filter(Boolean).join('.'), text);
    }
  }
  return docs;
}

/**
 * Checks that the docstring of an option, which editors show, names the default of the schema, which applies.
 * @throws {Error} naming both.
 */
function checkDefault(path: string, { inDoc, inSchema }: { inDoc: string | null; inSchema: unknown }): void {
  // Nothing, such as an empty list, is described in words.
  const isNothing = inSchema === undefined || inSchema === null || inSchema === '';
  if (isNothing || (typeof inSchema === 'object' && Object.keys(inSchema).length === 0)) return;
  const shown = showDefault(inSchema);
  const said = inDoc?.replace(/(?<=\d),(?=\d{3})/g, '') ?? '';
  const rest = said.startsWith(shown) ? said.slice(shown.length) : null;
  if (rest === null || !/^(?:$|[;:,]? )/.test(rest)) {
    throw new Error(`The default of ${path} is ${shown} in the schema, and ${inDoc ?? 'missing'} in its docstring.`);
  }
}

function showDefault(value: unknown): string {
  if (Array.isArray(value)) return value.map(showDefault).join(', ');
  return typeof value === 'string' ? `\`${value}\`` : String(value);
}

function splitDefault(doc: string): { meaning: string; default: string | null } {
  const found = /\s*Defaults to (.+?)\.(?=\s|$)/.exec(doc);
  if (found === null) return { meaning: doc, default: null };
  return { meaning: doc.replace(found[0], '').trim(), default: found[1] ?? null };
}

/** Returns whether the items of a list are objects of one kind. */
function isListOfObjects({ items }: Schema): boolean {
  return typeof items === 'object' && 'properties' in items;
}

/** Returns the kinds of a list's items. */
function kindsOf({ items }: Schema): readonly Schema[] {
  return typeof items === 'object' && 'oneOf' in items ? (items.oneOf ?? []) : [];
}

/** Returns the kinds of the values of an object whose keys the user chooses. */
function kindsByName({ additionalProperties }: Schema): readonly Schema[] {
  return typeof additionalProperties === 'object' ? (additionalProperties.oneOf ?? []) : [];
}

/** Returns the name of a kind: the value of its one constant property. */
function nameOf(schema: Schema): string {
  const values = Object.values(schema.properties ?? {}).map((property) => (property as Schema).const);
  return String(values.find((value) => value !== undefined));
}

/** Returns whether the keys are names that the user chooses, with an object for each. */
function isByName(schema: Schema): boolean {
  return typeof schema.additionalProperties === 'object' && schema.additionalProperties.properties !== undefined;
}

function toAllowed(key: string, schema: Schema): string {
  // A schema that JSON cannot represent has a title instead.
  if (schema.title !== undefined) return schema.title;
  if (schema.anyOf) return schema.anyOf.map((one) => toAllowed(key, one)).join(' or ');
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.properties) return `\`{ ${Object.keys(schema.properties).join(', ')} }\``;
  if (kindsOf(schema).length > 0) return `list of ${kindsOf(schema).map(toKind).join(' or ')}`;
  if (schema.type === 'array') return `list of ${toAllowed(key, schema.items as Schema)}`;
  if (schema.type === 'integer' || schema.type === 'number') {
    const unit = UNITS.find(([ending]) => ending.test(key))?.[1];
    return `${unit ?? (schema.type === 'integer' ? 'whole number' : 'number')}${toRange(schema)}`;
  }
  return WORDS[String(schema.type)] ?? 'anything';
}

function toKind(schema: Schema): string {
  const others = Object.entries(schema.properties ?? {}).filter(([, value]) => (value as Schema).const === undefined);
  return `\`{ ${[`type: "${nameOf(schema)}"`, ...others.map(([key]) => key)].join(', ')} }\``;
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: '`true` or `false`',
  null: '`null`',
  object: 'object of texts by name',
};

function toRange({ minimum = 0, exclusiveMinimum, maximum = Number.MAX_SAFE_INTEGER }: Schema): string {
  const show = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 4 });
  const isBounded = maximum < Number.MAX_SAFE_INTEGER;
  if (typeof exclusiveMinimum === 'number')
    return `, above ${show(exclusiveMinimum)}${isBounded ? `, up to ${show(maximum)}` : ''}`;
  return isBounded ? `, ${show(minimum)} to ${show(maximum)}` : `, ${show(minimum)} or more`;
}
