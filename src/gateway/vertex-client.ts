import type { IncomingHttpHeaders } from 'node:http';
import type { VertexProvider } from '../config/config.ts';
import { parseAnswer, readAnswer, toErrorAnswer } from './cloud-answer.ts';
import { untilAborted, withoutCredentials } from './cloud-credentials.ts';
import type { GatewayLog } from './gateway-log.ts';
import { createGoogleTokens } from './google-tokens.ts';
import { createHttpSender } from './http-sender.ts';
import { isModelId, toProviderModel } from './provider-model.ts';
import { redact, secretsOf } from './redact.ts';
import { withMembers } from './rewrite-body.ts';
import type { OutgoingRequest, UpstreamAnswer, UpstreamClient } from './upstream-client.ts';

/**
 * Creates a client for Claude on Google Vertex AI. It answers like the Messages API, so good answers are unchanged.
 * https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai
 */
export function createVertexClient(provider: VertexProvider, log: GatewayLog): UpstreamClient {
  const sender = createHttpSender(provider);
  const tokens = createGoogleTokens(provider);
  const secrets = secretsOf(provider.headers);
  const publisher = `/projects/${provider.project}/locations/${provider.region}/publishers/anthropic/models`;

  async function send(request: OutgoingRequest): Promise<UpstreamAnswer> {
    const { endpoint, headers, body, signal, onSent } = request;
    const model = toVertexModel(toProviderModel(request.model, provider.models));
    if (!isModelId(model)) return toErrorAnswer({ status: 404, message: 'This is not the id of a model.' });
    let token: string;
    try {
      token = await untilAborted(tokens.get(), signal);
    } catch (error) {
      signal.throwIfAborted();
      tokens.forget();
      return withoutCredentials(error, { log, cloud: 'Google Vertex AI' });
    }
    const isCount = endpoint.kind === 'count_tokens';
    const verb = !isCount && request.isStreamed ? 'streamRawPredict' : 'rawPredict';
    // Counting needs the model in the body; for an answer only the address may contain it.
    const members = { model: isCount ? model : undefined, anthropic_version: 'vertex-2023-10-16' };
    const answer = await sender.post({
      path: `${publisher}/${isCount ? 'count-tokens' : toPathPart(model)}:${verb}`,
      headers: { ...toHeaders(headers), ...provider.headers, authorization: `Bearer ${token}` },
      body: withMembers(body, members),
      signal,
      onSent,
    });
    const { status } = answer;
    if (status < 400) return answer;
    if (status === 401) tokens.forget();
    return toErrorAnswer(
      { status: toStatus(status), message: readMessage(await readAnswer(answer.body), status) },
      answer.headers,
    );
  }

  return { send, redact: (bytes) => redact(bytes, [...tokens.secrets, ...secrets]), close: () => sender.close() };
}

/** Returns a dated id in Vertex's spelling: `claude-haiku-4-5@20251001`. */
function toVertexModel(model: string): string {
  return model.replace('[1m]', '').replace(/^(claude-.+)-(20\d{6})$/, '$1@$2');
}

function toPathPart(model: string): string {
  return encodeURIComponent(model).replaceAll('%40', '@');
}

/** Forwards only betas: Claude Code's other headers are meant for Anthropic. */
function toHeaders({ 'anthropic-beta': beta }: IncomingHttpHeaders): Record<string, string> {
  return {
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    ...(typeof beta === 'string' && { 'anthropic-beta': beta }),
  };
}

/** Vertex has no 529: it answers `UNAVAILABLE` when it is overloaded. */
function toStatus(status: number): number {
  return status === 503 ? 529 : status;
}

/** Reads the message of an error in Google's form, or in Anthropic's. */
function readMessage(body: string, status: number): string {
  const { error } = parseAnswer(body) as { error?: { message?: unknown } };
  return typeof error?.message === 'string' ? error.message : `Google Vertex AI answered with status ${status}.`;
}
