import { createHash } from 'node:crypto';
import { EventStreamCodec } from '@smithy/core/event-streams';
import { SignatureV4 } from '@smithy/signature-v4';
import { createParser } from 'eventsource-parser';
import { Sha256 } from './aws-signer.ts';
import { startUpstream, type SeenRequest, type TestUpstream } from './upstream.fixture.ts';

export const ACCESS_KEY = {
  id: 'AKIDEXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'session-1',
};
export const REGION = 'eu-central-1';

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString('utf8'),
  (text) => Buffer.from(text, 'utf8'),
);

/** Encodes a message of AWS's event streams. */
function encode(headers: Readonly<Record<string, string>>, body: object): Buffer {
  const typed = Object.entries(headers).map(([name, value]) => [name, { type: 'string' as const, value }]);
  return Buffer.from(codec.encode({ headers: Object.fromEntries(typed), body: Buffer.from(JSON.stringify(body)) }));
}

/** Encodes an event of the Messages API as Bedrock sends it. */
export function chunk(event: string): Buffer {
  const bytes = Buffer.from(event).toString('base64');
  return encode(
    { ':event-type': 'chunk', ':content-type': 'application/json', ':message-type': 'event' },
    { bytes, p: 'abcdef' },
  );
}

/** Encodes an exception within a stream. */
export function exception(name: string, body: object): Buffer {
  return encode({ ':exception-type': name, ':content-type': 'application/json', ':message-type': 'exception' }, body);
}

/** Returns the fault of a request's signature, or null. */
export async function findSignatureFault({ method, url, headers, body }: SeenRequest): Promise<string | null> {
  const authorization = headers.authorization ?? '';
  const signedNames = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date']));
  if (date === null) return 'no date';
  if (headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex')) return 'another body';
  for (const name of ['host', 'x-amz-security-token', 'x-amz-date'])
    if (!signedNames.includes(name)) return `${name} unsigned`;
  const [, year, month, day, hours, minutes, seconds] = date;
  const signer = new SignatureV4({
    service: 'bedrock',
    region: REGION,
    credentials: {
      accessKeyId: ACCESS_KEY.id,
      secretAccessKey: ACCESS_KEY.secret,
      sessionToken: ACCESS_KEY.sessionToken,
    },
    sha256: Sha256,
  });
  const signed = await signer.sign(
    {
      method,
      protocol: 'http:',
      hostname: String(headers.host),
      path: url,
      query: {},
      headers: Object.fromEntries(signedNames.map((name) => [name, String(headers[name])])),
    },
    { signingDate: new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`) },
  );
  return signed.headers['authorization'] === authorization ? null : 'another signature';
}

/** Starts a Bedrock on loopback that rejects unsigned requests, and gets its answers from a Messages API. */
export async function startBedrock(messagesUrl: string): Promise<TestUpstream> {
  const bedrock = await startUpstream();
  bedrock.answerWith(async (response, request) => {
    const fault = await findSignatureFault(request);
    const target = /^\/model\/([^/]+)\/(invoke|invoke-with-response-stream)$/.exec(request.url);
    const body = JSON.parse(request.body.toString()) as Record<string, unknown>;
    const { anthropic_version: version, anthropic_beta: _betas, ...rest } = body;
    const problem = fault ?? ('model' in body || 'stream' in body ? 'extra inputs are not permitted' : null);
    if (problem !== null || target === null || version !== 'bedrock-2023-05-31') {
      response.writeHead(problem === null ? 404 : 403, { 'x-amzn-errortype': 'InvalidSignatureException:http://x/' });
      response.end(JSON.stringify({ message: problem ?? 'Unknown request.' }));
      return;
    }
    const isStreamed = target[2] === 'invoke-with-response-stream';
    const answer = await fetch(`${messagesUrl}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': 'inside' },
      body: JSON.stringify({ ...rest, model: decodeURIComponent(target[1] ?? ''), stream: isStreamed }),
    });
    if (!isStreamed) {
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(await answer.text());
      return;
    }
    response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream', 'x-amzn-requestid': 'req-aws' });
    const parser = createParser({ onEvent: ({ data }) => void response.write(chunk(data)) });
    for await (const text of answer.body!.pipeThrough(new TextDecoderStream())) parser.feed(text);
    response.end();
  });
  return bedrock;
}
