import type { EventData, NewEvent } from '../../core/events.ts';
import { toStorable } from '../../core/text.ts';
import { toFields, toList, toNumber, toText } from '../../core/untyped.ts';
import type { Fields } from './message-fields.ts';

type ModelChange = EventData['agent.model_changed'];

/** Returns the event of Claude Code's first message. */
export function fromInit(fields: Fields): NewEvent {
  const mcpServers = toList(fields['mcp_servers'])
    .map(toFields)
    .map(({ name, status }) => ({ name: toStorable(toText(name) ?? ''), status: toStorable(toText(status) ?? '') }));
  return {
    type: 'agent.init',
    data: {
      sessionId: toStorable(toText(fields['session_id']) ?? ''),
      model: toStorable(toText(fields['model']) ?? ''),
      tools: toList(fields['tools']).map((tool) => toStorable(String(tool))),
      cwd: toStorable(toText(fields['cwd']) ?? ''),
      claudeCodeVersion: toStorable(toText(fields['claude_code_version']) ?? ''),
      ...(mcpServers.length > 0 && { mcpServers }),
    },
  };
}

/** Returns the event of a model call that Claude Code will repeat. */
export function fromApiRetry(fields: Fields): NewEvent {
  return {
    type: 'agent.api_retry',
    data: {
      attempt: toNumber(fields['attempt']) ?? 0,
      maxRetries: toNumber(fields['max_retries']) ?? 0,
      delayMs: Math.round(toNumber(fields['retry_delay_ms']) ?? 0),
      status: toNumber(fields['error_status']),
      error: toStorable(toText(fields['error']) ?? 'unknown'),
    },
  };
}

/** Returns the event of a tool use that Claude Code itself denied. */
export function fromPermissionDenied(fields: Fields): NewEvent {
  return {
    type: 'agent.permission_denied',
    data: {
      toolUseId: toStorable(toText(fields['tool_use_id']) ?? ''),
      name: toStorable(toText(fields['tool_name']) ?? ''),
      message: toStorable(toText(fields['message']) ?? ''),
    },
  };
}

/** Returns the kind of content that a refusal was about, if the provider named one. */
export function toCategory(fields: Fields): string | null {
  const category = toText(fields['api_refusal_category']);
  return category === null ? null : toStorable(category);
}

/** Returns the change of the run's model that Claude Code reports. */
export function toModelChange(
  fields: Fields,
  { reason, category }: { reason: ModelChange['reason']; category: string | null },
): ModelChange {
  const from = toStorable(toText(fields['original_model']) ?? '');
  const to = toStorable(toText(fields['fallback_model']) ?? '');
  return { from, to, reason, ...(category !== null && { category }) };
}
