import { z } from 'zod';
import { positive } from './option-values.ts';

/** An agent that the model may delegate part of its work to, with every default in place. */
export interface Subagent {
  readonly name: string;
  readonly description: string;
  readonly prompt: string;
  readonly tools: readonly string[];
  /** Null for the model of the agent itself. */
  readonly model: string | null;
  /** Null for the limit of the run. */
  readonly maxTurns: number | null;
}

const text = (what: string) => z.string(`must be ${what}`).min(1, `must be ${what}`);

export const subagentSchema = z.strictObject({
  /** Instructions for the model on when to delegate work to the subagent. */
  description: text('a text that says what it is for'),
  /** System prompt of the subagent. */
  prompt: text('a text'),
  /** Tools of the agent that the subagent may use. Defaults to all of them. */
  tools: z.array(z.string('must be the name of a tool'), 'must be a list of tool names').optional(),
  /** Id or alias of its model. Defaults to the agent's. */
  model: text('the id of a model').max(200).optional(),
  /** Model answers for one piece of work. They also count for the run. Defaults to the run's. */
  maxTurns: positive().optional(),
});
