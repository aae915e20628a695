import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startUpstream, type TestUpstream } from './upstream.fixture.ts';

export const PROJECT = 'project-1';
export const REGION = 'europe-west1';
const SUBJECT_TOKEN = 'subject-token-1';

/** A Google Cloud on loopback: it issues a token for a file's credentials, and answers calls with such a token. */
export interface TestVertex {
  readonly url: string;
  /** Credentials by workload identity federation. */
  readonly keyFile: string;
  /** Model calls, without the calls for tokens. */
  readonly seen: TestUpstream['seen'];
  answerWith: TestUpstream['answerWith'];
  /** Status of the answers to the next calls for a token. */
  tokenStatus: number;
  readonly tokenCalls: number;
  close(): Promise<void>;
}

/** Starts a Google Cloud whose tokens are `google-token-1`, `google-token-2`, and so on. */
export async function startVertex(): Promise<TestVertex> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-vertex-'));
  const [keyFile, subjectFile] = [path.join(directory, 'key.json'), path.join(directory, 'subject')];
  const vertex = await startUpstream();
  const tokens = await startUpstream();
  const state = { tokenStatus: 200, tokenCalls: 0 };
  tokens.answerWith((response, { body }) => {
    state.tokenCalls += 1;
    const isKnown = new URLSearchParams(body.toString()).get('subject_token') === SUBJECT_TOKEN;
    response.writeHead(isKnown ? state.tokenStatus : 401, { 'content-type': 'application/json' });
    const { tokenCalls } = state;
    response.end(
      JSON.stringify(
        isKnown && state.tokenStatus === 200
          ? {
              access_token: `google-token-${tokenCalls}`,
              token_type: 'Bearer',
              expires_in: 3_600,
              issued_token_type: 'x',
            }
          : { error: 'invalid_grant', error_description: 'The subject token is not valid.' },
      ),
    );
  });
  await writeFile(subjectFile, SUBJECT_TOKEN);
  await writeFile(
    keyFile,
    JSON.stringify({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${tokens.url}/v1/token`,
      credential_source: { file: subjectFile },
    }),
  );
  return {
    url: vertex.url,
    keyFile,
    seen: vertex.seen,
    answerWith: vertex.answerWith,
    get tokenStatus() {
      return state.tokenStatus;
    },
    set tokenStatus(status) {
      state.tokenStatus = status;
    },
    get tokenCalls() {
      return state.tokenCalls;
    },
    async close() {
      await vertex.close();
      await tokens.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Answers like Vertex, with the answer of a Messages API. */
export function answerFrom(messagesUrl: string): Parameters<TestUpstream['answerWith']>[0] {
  return async (response, { url, headers, body }) => {
    const target =
      /^\/v1\/projects\/project-1\/locations\/europe-west1\/publishers\/anthropic\/models\/([^/:]+):(\w+)$/.exec(url);
    const { anthropic_version: version, ...rest } = JSON.parse(body.toString()) as Record<string, unknown>;
    const isSignedIn = /^Bearer google-token-\d+$/.test(headers.authorization ?? '');
    if (!isSignedIn || target === null || version !== 'vertex-2023-10-16' || 'model' in rest) {
      response.writeHead(isSignedIn ? 400 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 400, message: 'Invalid request.', status: 'INVALID_ARGUMENT' } }));
      return;
    }
    const answer = await fetch(`${messagesUrl}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': 'inside' },
      body: JSON.stringify({ ...rest, model: target[1], stream: target[2] === 'streamRawPredict' }),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    for await (const bytes of answer.body!) response.write(bytes);
    response.end();
  };
}
