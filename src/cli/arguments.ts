import { InvalidArgumentError } from 'commander';
import { isId } from '../core/ids.ts';

/** Parses the id of a run as an argument: the whole id. */
export function parseRunId(value: string): string {
  if (!isId(value))
    throw new InvalidArgumentError("It must be a run's id, such as 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f.");
  return value;
}

/** Parses the id of a session as an argument: the whole id. */
export function parseSessionId(value: string): string {
  if (!isId(value))
    throw new InvalidArgumentError('It must be the sessionId of a run, as listed by: longhaul sessions.');
  return value;
}

/** Parses the id of a schedule as an argument: the whole id. */
export function parseScheduleId(value: string): string {
  if (!isId(value))
    throw new InvalidArgumentError("It must be a schedule's id, as listed by: longhaul schedules list.");
  return value;
}

/** Parses the id of an approval as an argument: the whole id. */
export function parseApprovalId(value: string): string {
  if (!isId(value)) throw new InvalidArgumentError("It must be an approval's id, as listed by: longhaul approvals.");
  return value;
}

/** Parses the id of a worker as an argument: the whole id. */
export function parseWorkerId(value: string): string {
  if (!isId(value)) throw new InvalidArgumentError("It must be a worker's id, as listed by: longhaul workers.");
  return value;
}

/** Parses the id of a key as an argument: the whole id. */
export function parseKeyId(value: string): string {
  if (!isId(value)) throw new InvalidArgumentError("It must be a key's id, as listed by: longhaul keys list.");
  return value;
}

/** Parses the id of a webhook as an argument: the whole id. */
export function parseWebhookId(value: string): string {
  if (!isId(value)) throw new InvalidArgumentError("It must be a webhook's id, as listed by: longhaul webhooks list.");
  return value;
}

/** Parses the id of a delivery as an argument: the whole id. */
export function parseDeliveryId(value: string): string {
  if (!isId(value))
    throw new InvalidArgumentError("It must be a delivery's id, as listed by: longhaul webhooks deliveries.");
  return value;
}

/** Parses another run id of an argument that takes several. */
export function parseRunIds(value: string, before: readonly string[]): string[] {
  return [...before, parseRunId(value)];
}

/** Returns a parser of an option that takes a whole number between `least` and `most`. */
export function parseCount(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      throw new InvalidArgumentError(`It must be a whole number between ${least} and ${most}.`);
    }
    return number;
  };
}

/** Parses an option that takes a number, 0 or more. */
export function parseAmount(value: string): number {
  if (!/^\d+(\.\d+)?$/.test(value)) throw new InvalidArgumentError('It must be a number, 0 or more.');
  return Number(value);
}

/** Parses a key that makes a submission repeatable: it is sent in a header. */
export function parseIdempotencyKey(value: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(value)) {
    throw new InvalidArgumentError('It must be 1 to 255 printable ASCII characters without spaces.');
  }
  return value;
}

/** Collects the values of an option that may be repeated. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
