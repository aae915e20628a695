import { z } from 'zod';

// Building blocks of options: numbers with their bounds, and the error text for a wrong value.

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
export const rate = () =>
  z.union([z.literal(false), count().max(1_000_000, 'must be at most 1000000')], 'must be a whole number, or false');

/** The value that switches an option off. */
export const off = () => z.literal(false);
