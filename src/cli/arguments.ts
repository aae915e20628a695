import { InvalidArgumentError } from 'commander';
import { isId } from '../core/ids.ts';

/** A run's id as an argument: the whole of it. */
export function parseRunId(value: string): string {
  if (!isId(value))
    throw new InvalidArgumentError("It must be a run's id, such as 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f.");
  return value;
}

/** A conversation's id as an argument: the whole of it. */
export function parseSessionId(value: string): string {
  if (!isId(value))
    throw new InvalidArgumentError('It must be the sessionId of a run, as listed by: longhaul sessions.');
  return value;
}

/** A schedule's id as an argument: the whole of it. */
export function parseScheduleId(value: string): string {
  if (!isId(value))
    throw new InvalidArgumentError("It must be a schedule's id, as listed by: longhaul schedules list.");
  return value;
}

/** An approval's id as an argument: the whole of it. */
export function parseApprovalId(value: string): string {
  if (!isId(value)) throw new InvalidArgumentError("It must be an approval's id, as listed by: longhaul approvals.");
  return value;
}

/** A worker's id as an argument: the whole of it. */
export function parseWorkerId(value: string): string {
  if (!isId(value)) throw new InvalidArgumentError("It must be a worker's id, as listed by: longhaul workers.");
  return value;
}

/** A key's id as an argument: the whole of it. */
export function parseKeyId(value: string): string {
  if (!isId(value)) throw new InvalidArgumentError("It must be a key's id, as listed by: longhaul keys list.");
  return value;
}

/** A webhook's id as an argument: the whole of it. */
export function parseWebhookId(value: string): string {
  if (!isId(value)) throw new InvalidArgumentError("It must be a webhook's id, as listed by: longhaul webhooks list.");
  return value;
}

/** A delivery's id as an argument: the whole of it. */
export function parseDeliveryId(value: string): string {
  if (!isId(value))
    throw new InvalidArgumentError("It must be a delivery's id, as listed by: longhaul webhooks deliveries.");
  return value;
}

/** One more run's id, of an argument that takes many. */
export function parseRunIds(value: string, before: readonly string[]): string[] {
  return [...before, parseRunId(value)];
}

/** A whole number between `least` and `most` as an option. */
export function parseCount(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      throw new InvalidArgumentError(`It must be a whole number between ${least} and ${most}.`);
    }
    return number;
  };
}

/** A number that is 0 or more as an option. */
export function parseAmount(value: string): number {
  if (!/^\d+(\.\d+)?$/.test(value)) throw new InvalidArgumentError('It must be a number, 0 or more.');
  return Number(value);
}

/** A key that makes a submission repeatable: it travels in a header. */
export function parseIdempotencyKey(value: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(value)) {
    throw new InvalidArgumentError('It must be 1 to 255 printable ASCII characters without spaces.');
  }
  return value;
}
