import { EventSourceParserStream } from 'eventsource-parser/stream';

export type ApiEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Calls the Messages API as a plain client does. `fields` replace fields of a small valid request. */
export async function callModel(
  url: string,
  fields: Record<string, unknown> = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'dummy' },
    body: JSON.stringify({
      model: 'claude-sonnet-4-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Hello' }],
      ...fields,
    }),
    signal: signal ?? null,
  });
}

/** Reads the text of an answer that is not streamed. */
export async function textOf(answer: Promise<Response>): Promise<string> {
  const { content } = (await (await answer).json()) as { content: { text?: string }[] };
  return content.map((block) => block.text ?? '').join('');
}

/** Reads all events of a streamed answer. */
export async function readEvents(answer: Promise<Response>): Promise<ApiEvent[]> {
  const { body } = await answer;
  const events: ApiEvent[] = [];
  const stream = body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { event, data } of stream ?? []) {
    const parsed = JSON.parse(data) as ApiEvent;
    if (parsed.type !== event) throw new Error(`The event ${event} carries ${parsed.type}.`);
    events.push(parsed);
  }
  return events;
}
