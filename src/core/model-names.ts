/**
 * What one model is called, the name that is trusted most first: as the provider answered with it, as the provider was
 * asked for it, as the agent's process asked for it.
 */
export type ModelNames = readonly [string, ...string[]];

/** Other names of models that the same build of Claude Code knows; families as it resolves them for Anthropic's API. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ['haiku', 'claude-haiku-5-5'],
  ['sonnet', 'claude-sonnet-5-5'],
  ['opus', 'claude-opus-5-5'],
  ['fable', 'claude-fable-5-2'],
  ['best', 'claude-opus-5-5'],
  ['default', 'claude-opus-5-5'],
  ['claude-opus-4-0', 'claude-opus-4'],
  ['claude-sonnet-4-0', 'claude-sonnet-4'],
]);

/**
 * A model's own name, as Anthropic spells it: without `[1m]` and `-latest`, and without what Bedrock
 * (`us.anthropic.…-v1:0`) and Vertex (`…@20250929`) put around it. A date stays.
 */
export function toPlainModelName(model: string): string {
  const name = model.toLowerCase().replace('[1m]', '').replace('@', '-');
  const start = name.indexOf('claude-');
  return (start === -1 ? name : name.slice(start))
    .replace(/-(latest|default)$/, '')
    .replace(/-v\d+(:\d+)?(?=-\d{8}$|$)/, '');
}

/** The one name by which we know a model: an alias resolved, without date, and as in `toPlainModelName`. */
export function toModelKey(model: string): string {
  const plain = toPlainModelName(model);
  return withoutDate(ALIASES.get(plain) ?? plain);
}

/** Whether a name is the model's, and not that of a profile, an ARN or another place where a cloud has it. */
export function isOwnModelName(model: string): boolean {
  const start = model.toLowerCase().indexOf('claude-');
  if (start === -1) return !/[:/]/.test(model);
  return start === 0 || /^anthropic\.$/i.test(model.slice(0, start));
}

export function withoutDate(name: string): string {
  return name.replace(/-\d{8}$/, '');
}
