import { z } from 'zod';
import { positive } from './option-values.ts';

/** An agent that the model may hand a part of its work to, with every default in place. */
export interface Subagent {
  readonly name: string;
  readonly description: string;
  readonly prompt: string;
  readonly tools: readonly string[];
  /** Null for the model of the agent itself. */
  readonly model: string | null;
  /** Null for as many as the run has. */
  readonly maxTurns: number | null;
}

const text = (what: string) => z.string(`must be ${what}`).min(1, `must be ${what}`);

export const subagentSchema = z.strictObject({
  /** When the model is to hand work to it, in words for the model. */
  description: text('a text that says what it is for'),
  /** Its system prompt. */
  prompt: text('a text'),
  /** Those of the agent's tools that it may use. Defaults to all of them. */
  tools: z.array(z.string('must be the name of a tool'), 'must be a list of tool names').optional(),
  /** Its model, by id or alias. Defaults to the agent's. */
  model: text('the id of a model').max(200).optional(),
  /** Answers of the model that one piece of work may take. They count among the run's as well. Defaults to the run's. */
  maxTurns: positive().optional(),
});
