#!/usr/bin/env bash
# A session that is resumed keeps the system prompt that it began with, whatever `systemPrompt` says.
#
# Expected: a query that resumes a session with another `systemPrompt` sends that one to the model; the model and the tools of
# such a query do change.
# Seen with @anthropic-ai/claude-agent-sdk 0.3.332 (Claude Code 2.1.332): the model gets the system prompt of the query that
# began the session, and nothing of the new one, without a warning.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir home
npm install --silent --no-audit --no-fund @anthropic-ai/claude-agent-sdk@0.3.332 >&2
cat >try.mjs <<'JS'
import { createServer } from 'node:http';
import { query } from '@anthropic-ai/claude-agent-sdk';
const sse = (type, data) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const usage = { input_tokens: 5, output_tokens: 5 };
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [], stop_reason: null, usage };
const read = new Set();
const model = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  if (!request.url.startsWith('/v1/messages?')) return response.writeHead(404).end('{}');
  const system = JSON.stringify(JSON.parse(body).system);
  read.add(['red', 'blue'].filter((color) => system.includes(`You like ${color}.`)).join(' and '));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(
    sse('message_start', { message }) +
      sse('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
      sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hello.' } }) +
      sse('content_block_stop', { index: 0 }) +
      sse('message_delta', { delta: { stop_reason: 'end_turn' }, usage }) +
      sse('message_stop', {}),
  );
});
await new Promise((resolve) => model.listen(0, '127.0.0.1', resolve));
const home = `${process.cwd()}/home`;
const env = { PATH: process.env.PATH, HOME: home, CLAUDE_CONFIG_DIR: `${home}/.claude`, ANTHROPIC_API_KEY: 'dummy' };
Object.assign(env, { ANTHROPIC_BASE_URL: `http://127.0.0.1:${model.address().port}` });
env.CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = '1';
const options = { cwd: home, model: message.model, tools: [], settingSources: [], env };
let resume;
for (const color of ['red', 'blue']) {
  read.clear();
  const asked = { ...options, systemPrompt: `You like ${color}.`, ...(resume && { resume }) };
  for await (const said of query({ prompt: 'Hello.', options: asked })) resume ??= said.session_id;
  console.log(`asked for ${color}, the model reads ${[...read].join(', ')}`);
}
process.exit();
JS
node try.mjs | tee seen
diff seen - <<'EXPECTED'
asked for red, the model reads red
asked for blue, the model reads red
EXPECTED
