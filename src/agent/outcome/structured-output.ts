import type { OutputSchema } from '../../config/output-schema.ts';
import { toMessage } from '../../core/errors.ts';
import { maskedHead } from '../../core/mask-secrets.ts';
import type { AgentOutcome } from './agent-outcome.ts';
import { toStorableJson } from '../messages/storable-json.ts';

/**
 * Judges a success by its output schema. Claude Code checks the schema too, but reports a success when the model
 * answers with text twice (measured), or when the schema has keywords that it does not support.
 */
export function judgeStructuredOutput(outcome: AgentOutcome, schema: OutputSchema | null): AgentOutcome {
  if (outcome.status !== 'succeeded') return outcome;
  const { structuredOutput, ...success } = outcome;
  if (schema === null) return success;
  if (structuredOutput === undefined) return invalid('the answer came as text, without the output that was asked for');
  try {
    const checked = schema.check(structuredOutput);
    if ('value' in checked) return { ...success, structuredOutput: toStorableJson(checked.value) };
    return invalid(checked.problems.join('; '));
  } catch (error) {
    return invalid(`the answer could not be checked: ${toMessage(error)}`);
  }
}

function invalid(detail: string): AgentOutcome {
  return { status: 'failed', code: 'structured_output_invalid', detail: maskedHead(detail, 2_000) };
}
