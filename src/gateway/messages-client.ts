import { toUpstreamHeaders } from './headers.ts';
import { createHttpSender } from './http-sender.ts';
import { toProviderModel } from './provider-model.ts';
import { redact } from './redact.ts';
import { withMembers } from './rewrite-body.ts';
import type { UpstreamClient } from './upstream-client.ts';
import type { MessagesUpstream } from './upstream.ts';

/** Sends to whatever speaks the Messages API itself: what comes and goes stays as it is. */
export function createMessagesClient({ baseUrl, headers: credentials, models = {} }: MessagesUpstream): UpstreamClient {
  const sender = createHttpSender(baseUrl);
  const secrets = Object.values(credentials).map((value) => value.replace(/^Bearer /, ''));
  return {
    async send({ endpoint, headers, body, model, signal, onSent }) {
      const asked = toProviderModel(model, models);
      const answer = await sender.post({
        path: endpoint.target,
        headers: toUpstreamHeaders({ received: headers, credentials }),
        body: asked === model ? body : withMembers(body, { model: asked }),
        signal,
        onSent,
      });
      return { status: answer.statusCode ?? 0, headers: answer.headers, body: answer };
    },
    redact: (bytes) => redact(bytes, secrets),
    close: () => sender.close(),
  };
}
