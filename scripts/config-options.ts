import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { resolveConfig } from '../src/config/resolve.ts';
import { configSchema } from '../src/config/schema.ts';

/** One option of `longhaul.config.ts`. */
export interface ConfigOption {
  /** Where it stands, such as `agents.NAME.limits.maxTurns`. */
  readonly path: string;
  /** The docstring's words; empty when it has none. */
  readonly meaning: string;
  /** What it takes, in words. */
  readonly allowed: string;
  /** What the docstring says it defaults to, or null. */
  readonly default: string | null;
  readonly isRequired: boolean;
  /** Whether it holds further options instead of a value. */
  readonly isGroup: boolean;
  /** Whether this version accepts it and does nothing with it. */
  readonly isIgnored: boolean;
}

type Schema = z.core.JSONSchema.JSONSchema;

/** Where the parts of the schema stand that are written down by themselves. */
const PLACES: Readonly<Record<string, string>> = {
  configSchema: '',
  agentSchema: 'agents.NAME',
  limitsSchema: 'agents.NAME.limits',
  workspaceSchema: 'agents.NAME.workspace',
};

const UNITS: readonly (readonly [ending: RegExp, unit: string])[] = [
  [/Usd(PerDay)?$|^usdPerDay$/, 'USD'],
  [/Seconds$/, 'seconds'],
  [/Days$/, 'days'],
  [/Mb$/, 'MB'],
  [/Tokens$/, 'tokens'],
  [/Length$/, 'characters'],
];

/** Every option there is: names and what they take from the schema itself, words from its docstrings. */
export function readConfigOptions(): ConfigOption[] {
  const source = readFileSync(new URL('../src/config/schema.ts', import.meta.url), 'utf8');
  const docs = readDocs(source);
  const ignored = findIgnored();
  const options: ConfigOption[] = [];

  function walk(schema: Schema, parent: string): void {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      const child = value as Schema;
      const path = parent === '' ? key : `${parent}.${key}`;
      const { meaning, default: fallback } = splitDefault(docs.get(path) ?? '');
      options.push({
        path,
        meaning,
        allowed: toAllowed(key, child),
        default: fallback,
        isRequired: schema.required?.includes(key) ?? false,
        isGroup: child.properties !== undefined || isByName(child),
        isIgnored: ignored.some((prefix) => path === prefix || path.startsWith(`${prefix}.`)),
      });
      if (isByName(child)) walk(child.additionalProperties as Schema, `${path}.NAME`);
      // Of what may be an object or something shorter, only an object whose parts are described by themselves.
      for (const one of child.anyOf ?? []) if (isDescribed(one, path)) walk(one, path);
      walk(child, path);
    }
  }

  function isDescribed(schema: Schema, path: string): boolean {
    return Object.keys(schema.properties ?? {}).some((key) => docs.has(`${path}.${key}`));
  }

  walk(z.toJSONSchema(configSchema, { io: 'input' }), '');
  return options;
}

/** The docstrings of the schema's source by the path of their option. The source is formatted: nesting is indentation. */
function readDocs(source: string): Map<string, string> {
  const docs = new Map<string, string>();
  let root: string | undefined;
  let parents: { indent: number; key: string }[] = [];
  const declarations =
    /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?^( *)(?:(?:export )?const )?(\w+)(?::| =) (?=z\b|\w+\(|\w+Schema\b)/gm;
  for (const [, comment = '', { length: indent } = '', key = ''] of source.matchAll(declarations)) {
    if (indent === 0) {
      root = PLACES[key];
      parents = [];
      if (root === undefined && key !== 'environmentSchema')
        throw new Error(`scripts/config-options.ts knows no place for ${key}.`);
    }
    if (root === undefined) continue;
    parents = parents.filter((parent) => parent.indent < indent);
    if (indent > 0) parents.push({ indent, key });
    const path = [root, ...parents.map((parent) => parent.key)].filter(Boolean).join('.');
    const text = comment
      .replace(/^\s*\* ?/gm, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    if (text !== '') docs.set(path, text);
  }
  return docs;
}

function splitDefault(doc: string): { meaning: string; default: string | null } {
  const found = /\s*Defaults to (.+?)\.(?=\s|$)/.exec(doc);
  if (found === null) return { meaning: doc, default: null };
  return { meaning: doc.replace(found[0], '').trim(), default: found[1] ?? null };
}

/** Whether its keys are names that the user chooses, with an object for each. */
function isByName(schema: Schema): boolean {
  return typeof schema.additionalProperties === 'object' && schema.additionalProperties.properties !== undefined;
}

function toAllowed(key: string, schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map((one) => toAllowed(key, one)).join(' or ');
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.properties) return `\`{ ${Object.keys(schema.properties).join(', ')} }\``;
  if (schema.type === 'array') return `list of ${toAllowed(key, schema.items as Schema)}`;
  if (schema.type === 'integer' || schema.type === 'number') {
    const unit = UNITS.find(([ending]) => ending.test(key))?.[1];
    return `${unit ?? (schema.type === 'integer' ? 'whole number' : 'number')}${toRange(schema)}`;
  }
  return WORDS[String(schema.type)] ?? 'anything';
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: '`true` or `false`',
  null: '`null`',
  object: 'object of texts by name',
};

function toRange({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): string {
  const show = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 4 });
  return maximum >= Number.MAX_SAFE_INTEGER ? `, ${show(minimum)} or more` : `, ${show(minimum)} to ${show(maximum)}`;
}

/** Asked of the code that warns of them at start, with a configuration that sets all there is to be ignored. */
function findIgnored(): readonly string[] {
  const input = {
    agents: { NAME: { tools: [], retry: {} } },
    worker: { restartAboveMb: 256 },
    limits: { global: {} },
    alerts: { channels: [] },
  };
  return resolveConfig({ input, baseDir: '/', env: {} }).ignoredOptions;
}
