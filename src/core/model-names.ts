/**
 * The names of one model, the most trusted first: the name in the provider's answer, the name requested from the
 * provider, the name requested by the agent's process.
 */
export type ModelNames = readonly [string, ...string[]];

/** Other names of models that the same build of Claude Code knows; families resolved as for Anthropic's API. */
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
 * Returns a model's own name, as Anthropic spells it: without `[1m]` and `-latest`, and without the additions of
 * Bedrock (`us.anthropic.…-v1:0`) and Vertex (`…@20250929`). A date stays.
 */
export function toPlainModelName(model: string): string {
  const name = model.toLowerCase().replace('[1m]', '').replace('@', '-');
  const start = name.indexOf('claude-');
  return (start === -1 ? name : name.slice(start))
    .replace(/-(latest|default)$/, '')
    .replace(/-v\d+(:\d+)?(?=-\d{8}$|$)/, '');
}

/** Returns our unique name of a model: the result of `toPlainModelName` without a date, and with aliases resolved. */
export function toModelKey(model: string): string {
  const plain = toPlainModelName(model);
  return withoutDate(ALIASES.get(plain) ?? plain);
}

/**
 * Returns whether a name is the model's own, and not that of a profile, an ARN or another place where a cloud has it.
 */
export function isOwnModelName(model: string): boolean {
  const start = model.toLowerCase().indexOf('claude-');
  if (start === -1) return !/[:/]/.test(model);
  return start === 0 || /^anthropic\.$/i.test(model.slice(0, start));
}

export function withoutDate(name: string): string {
  return name.replace(/-\d{8}$/, '');
}
