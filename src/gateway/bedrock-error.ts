import type { IncomingHttpHeaders } from 'node:http';

/** A Bedrock error in the terms of the Messages API. */
export interface BedrockError {
  readonly status: number;
  readonly message: string;
}

/**
 * Anthropic's status for each Bedrock exception. Before a stream an exception has its own status, within a stream only
 * its name.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
 */
const STATUS_BY_EXCEPTION: Readonly<Record<string, number>> = {
  accessdenied: 403,
  expiredtoken: 401,
  incompletesignature: 401,
  internalserver: 500,
  invalidclienttokenid: 401,
  invalidsignature: 401,
  missingauthenticationtoken: 401,
  modelnotready: 529,
  modeltimeout: 504,
  notauthorized: 403,
  optinrequired: 403,
  resourcenotfound: 404,
  servicequotaexceeded: 429,
  serviceunavailable: 529,
  throttling: 429,
  toomanyrequests: 429,
  unrecognizedclient: 401,
  validation: 400,
};

/** Messages about a model id for which other providers answer 404. */
const UNKNOWN_MODEL =
  /model identifier is invalid|on-demand throughput isn.t supported|model.*(not found|does not exist)/i;

/** Converts an answer with an error status. */
export function toBedrockError(answer: {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}): BedrockError {
  const { status, headers, body } = answer;
  const named = headers['x-amzn-errortype'] ?? body['__type'] ?? body['code'];
  const { message = body['Message'] } = body;
  return toBedrockException({
    name: typeof named === 'string' ? named : '',
    message: typeof message === 'string' ? message : `Amazon Bedrock answered with status ${status}.`,
    // 424 is an error of the model, which the name below identifies.
    status: status === 503 ? 529 : status === 424 ? 500 : status,
    body,
  });
}

/** Converts an exception. `status` applies when neither its name nor its body is more specific. */
export function toBedrockException(exception: {
  readonly name: string;
  readonly message: string;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}): BedrockError {
  const { name, message, body } = exception;
  const original = body['originalStatusCode'];
  const status = typeof original === 'number' && original >= 400 && original < 600 ? original : exception.status;
  // The name has the form `com.amazon.coral#ThrottlingException:http://…`, `ThrottlingException` or, in a stream,
  // `throttlingException`.
  const plain = (name.split(':', 1)[0] ?? '')
    .replace(/^.*#/, '')
    .replace(/(Exception|Error)$/i, '')
    .toLowerCase();
  const known = STATUS_BY_EXCEPTION[plain] ?? STATUS_BY_EXCEPTION[`${plain}error`] ?? status;
  return { status: known === 400 && UNKNOWN_MODEL.test(message) ? 404 : known, message };
}
