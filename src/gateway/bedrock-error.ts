import type { IncomingHttpHeaders } from 'node:http';

/** An error of Bedrock's as the Messages API would put it. */
export interface BedrockError {
  readonly status: number;
  readonly message: string;
}

/**
 * The status of Anthropic's that stands for an exception of Bedrock's. Before a stream it has a status of its own,
 * within one only its name. https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
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

/** Says of a model's id what other providers say with 404. */
const UNKNOWN_MODEL =
  /model identifier is invalid|on-demand throughput isn.t supported|model.*(not found|does not exist)/i;

/** The error an answer with an error status stands for. */
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
    // 424 is an error of the model's, which are told below.
    status: status === 503 ? 529 : status === 424 ? 500 : status,
    body,
  });
}

/** The error an exception stands for. `status` is what holds where neither its name nor its body says more. */
export function toBedrockException(exception: {
  readonly name: string;
  readonly message: string;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}): BedrockError {
  const { name, message, body } = exception;
  const original = body['originalStatusCode'];
  const status = typeof original === 'number' && original >= 400 && original < 600 ? original : exception.status;
  // As `com.amazon.coral#ThrottlingException:http://…`, `ThrottlingException` or, in a stream, `throttlingException`.
  const plain = (name.split(':', 1)[0] ?? '')
    .replace(/^.*#/, '')
    .replace(/(Exception|Error)$/i, '')
    .toLowerCase();
  const known = STATUS_BY_EXCEPTION[plain] ?? STATUS_BY_EXCEPTION[`${plain}error`] ?? status;
  return { status: known === 400 && UNKNOWN_MODEL.test(message) ? 404 : known, message };
}
