import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { BedrockProvider } from '../config/config.ts';
import { createAwsSigner } from './aws-signer.ts';
import { toBedrockError } from './bedrock-error.ts';
import { createBedrockStream } from './bedrock-stream.ts';
import { parseAnswer, readAnswer, toErrorAnswer } from './cloud-answer.ts';
import { untilAborted, withoutCredentials } from './cloud-credentials.ts';
import type { GatewayLog } from './gateway-log.ts';
import { createHttpSender, toPrefix } from './http-sender.ts';
import { isModelId, toProviderModel } from './provider-model.ts';
import { redact, secretsOf } from './redact.ts';
import { withMembers } from './rewrite-body.ts';
import type { OutgoingRequest, UpstreamAnswer, UpstreamClient } from './upstream-client.ts';

/**
 * Creates a client for Claude on Amazon Bedrock. It uses `InvokeModel`, which accepts every kind of model id: models,
 * inference profiles, provisioned throughput. Its streams are converted to those of the Messages API.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
 */
export function createBedrockClient(provider: BedrockProvider, log: GatewayLog): UpstreamClient {
  const sender = createHttpSender(provider);
  const signer = createAwsSigner(provider);
  const secrets = secretsOf(provider.headers);

  async function send(request: OutgoingRequest): Promise<UpstreamAnswer> {
    const { endpoint, signal, onSent } = request;
    const model = toProviderModel(request.model, provider.models).replace('[1m]', '');
    if (!isModelId(model)) return toErrorAnswer({ status: 404, message: 'This is not the id of a model.' });
    const isCount = endpoint.kind === 'count_tokens';
    const isStreamed = request.isStreamed && !isCount;
    const action = isCount ? 'count-tokens' : isStreamed ? 'invoke-with-response-stream' : 'invoke';
    const path = `/model/${encodeURIComponent(model)}/${action}`;
    const body = isCount ? toCount(request) : toInvocation(request);
    let headers: Record<string, string>;
    try {
      const url = new URL(toPrefix(sender.base) + path, sender.base);
      const unsigned = {
        'content-type': 'application/json',
        accept: isStreamed ? 'application/vnd.amazon.eventstream' : 'application/json',
      };
      headers = await untilAborted(signer.sign({ url, headers: unsigned, body }), signal);
    } catch (error) {
      signal.throwIfAborted();
      signer.forget();
      return withoutCredentials(error, { log, cloud: 'Amazon Bedrock' });
    }
    // Not signed, because a proxy on the way may remove these headers.
    const answer = await sender.post({ path, headers: { ...provider.headers, ...headers }, body, signal, onSent });
    const { status } = answer;
    if (status >= 400) return toError(answer);
    // A redirect, which is not followed; the gateway rejects it.
    if (status !== 200) return answer;
    if (isCount) return toCounted(await readAnswer(answer.body));
    const type = isStreamed ? 'text/event-stream; charset=utf-8' : 'application/json';
    const id = answer.headers['x-amzn-requestid'];
    return {
      status,
      headers: { 'content-type': type, ...(typeof id === 'string' && { 'request-id': id }) },
      body: isStreamed ? await createBedrockStream(answer.body) : answer.body,
    };
  }

  async function toError({ status, headers, body }: UpstreamAnswer): Promise<UpstreamAnswer> {
    const error = toBedrockError({ status, headers, body: parseAnswer(await readAnswer(body)) });
    if (error.status === 401 || error.status === 403) signer.forget();
    return toErrorAnswer(error, headers);
  }

  return { send, redact: (bytes) => redact(bytes, [...signer.secrets, ...secrets]), close: () => sender.close() };
}

/** Returns the body of an invocation: the path contains the model and whether to stream. */
function toInvocation({ body, headers }: OutgoingRequest): readonly Buffer[] {
  const betas = toBetas(headers);
  return withMembers(body, {
    model: undefined,
    stream: undefined,
    anthropic_version: 'bedrock-2023-05-31',
    ...(betas.length > 0 && { anthropic_beta: betas }),
  });
}

/**
 * Returns the body that makes Bedrock count the tokens of an invocation. `max_tokens` must be present, and above the
 * thinking budget.
 */
function toCount(request: OutgoingRequest): readonly Buffer[] {
  const invocation = withMembers(toInvocation(request), { max_tokens: 1, thinking: undefined });
  const body = Buffer.concat(invocation).toString('base64');
  return [Buffer.from(JSON.stringify({ input: { invokeModel: { body } } }))];
}

function toCounted(answer: string): UpstreamAnswer {
  const { inputTokens } = parseAnswer(answer);
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: Readable.from([Buffer.from(JSON.stringify({ input_tokens: inputTokens ?? 0 }))]),
  };
}

function toBetas({ 'anthropic-beta': header }: IncomingHttpHeaders): string[] {
  const betas = (typeof header === 'string' ? header : '').split(',').map((beta) => beta.trim());
  return betas.filter((beta) => beta !== '');
}
