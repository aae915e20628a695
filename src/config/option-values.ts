import { z } from 'zod';

// Building blocks of options: numbers with their bounds, and the error text for a wrong value.

/** The name of a tool, or of all tools of an MCP server. */
export const TOOL_NAME = /^(?:[A-Za-z][\w-]*|mcp__[\w-]+__\*)$/;
/** Two underscores in a row end the name of a server within the name of a tool. */
export const MCP_SERVER_NAME = /^(?!.*__|.*_$)[A-Za-z][A-Za-z0-9_-]{0,31}$/;

export const count = () => z.int('must be a whole number').min(0, 'must be 0 or more');
/** At most 20 days: a Node timer longer than 2^31 ms fires at once. */
export const seconds = () =>
  z
    .number('must be a number of seconds')
    .min(0, 'must be 0 or more')
    .max(1_728_000, 'must be at most 1728000, 20 days');
export const positive = () => z.int('must be a whole number').min(1, 'must be 1 or more');
export const usd = () =>
  z.number('must be an amount in USD').min(0, 'must be 0 or more').max(1_000_000, 'must be at most 1000000');
export const price = () =>
  z.number('must be USD for a million tokens').min(0, 'must be 0 or more').max(1_000_000, 'must be at most 1000000');
export const rate = () => orOff(count().max(1_000_000, 'must be at most 1000000'), 'must be a whole number, or false');

/** A value, or `false` to switch the option off, which becomes null. */
export const orOff = <T extends z.ZodType>(value: T, message: string) =>
  z.union([z.literal(false), value], message).transform((given) => (given === false ? null : given));
