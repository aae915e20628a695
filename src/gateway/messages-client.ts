import { toUpstreamHeaders } from './headers.ts';
import { createHttpSender } from './http-sender.ts';
import { toProviderModel } from './provider-model.ts';
import { redact, secretsOf } from './redact.ts';
import { withMembers } from './rewrite-body.ts';
import type { UpstreamClient } from './upstream-client.ts';
import type { MessagesUpstream } from './upstream.ts';

/** Creates a client for providers that serve the Messages API themselves: requests and answers are unchanged. */
export function createMessagesClient(upstream: MessagesUpstream): UpstreamClient {
  const { baseUrl, headers: own, models = {}, proxy = null } = upstream;
  const sender = createHttpSender({ baseUrl, proxy });
  const secrets = secretsOf(own);
  return {
    async send({ endpoint, headers, trace, body, model, signal, onSent }) {
      const asked = toProviderModel(model, models);
      return sender.post({
        path: endpoint.target,
        headers: toUpstreamHeaders({ received: headers, trace, own }),
        body: asked === model ? body : withMembers(body, { model: asked }),
        signal,
        onSent,
      });
    },
    redact: (bytes) => redact(bytes, secrets),
    close: () => sender.close(),
  };
}
