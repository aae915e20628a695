#!/usr/bin/env bash
# WebFetch asks api.anthropic.com about a host before it fetches a page, whatever the provider is.
#
# Expected: with another base URL for the model, and with non-essential traffic turned off, an allowed WebFetch connects to
# the host of its page and to no other.
# Seen with @anthropic-ai/claude-agent-sdk 0.3.332 (Claude Code 2.1.332): it first connects to api.anthropic.com. Where a
# proxy allows only the page's host, every fetch fails with "Unable to verify if domain … is safe to fetch". With the
# setting `skipWebFetchPreflight` it connects to the page's host at once.
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
const input = JSON.stringify({ url: 'https://page.example/', prompt: 'What is it?' });
const use = [{ type: 'tool_use', id: 'toolu_1', name: 'WebFetch', input: {} }, { type: 'input_json_delta', partial_json: input }, 'tool_use'];
const say = [{ type: 'text', text: '' }, { type: 'text_delta', text: 'Done.' }, 'end_turn'];
const model = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  if (!request.url.startsWith('/v1/messages?')) return response.writeHead(404).end('{}');
  const [content_block, delta, stop_reason] = body.includes('tool_result') ? say : use;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(
    sse('message_start', { message }) +
      sse('content_block_start', { index: 0, content_block }) +
      sse('content_block_delta', { index: 0, delta }) +
      sse('content_block_stop', { index: 0 }) +
      sse('message_delta', { delta: { stop_reason }, usage }) +
      sse('message_stop', {}),
  );
});
const asked = [];
const proxy = createServer().on('connect', (request, socket) => {
  asked.push(request.url);
  socket.on('error', () => {}).end('HTTP/1.1 403 Forbidden\r\n\r\n');
});
for (const server of [model, proxy]) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const urlOf = (server) => `http://127.0.0.1:${server.address().port}`;
const home = `${process.cwd()}/home`;
const env = { PATH: process.env.PATH, HOME: home, CLAUDE_CONFIG_DIR: `${home}/.claude`, ANTHROPIC_API_KEY: 'dummy' };
Object.assign(env, { ANTHROPIC_BASE_URL: urlOf(model), HTTPS_PROXY: urlOf(proxy), NO_PROXY: '127.0.0.1' });
env.CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = '1';
const options = { cwd: home, model: message.model, tools: ['WebFetch'], allowedTools: ['WebFetch'], settingSources: [], env };
for (const settings of [{}, { skipWebFetchPreflight: true }]) {
  asked.length = 0;
  for await (const said of query({ prompt: 'Fetch it.', options: { ...options, settings } })) void said;
  console.log(JSON.stringify(settings), [...new Set(asked)].join(' '));
}
process.exit();
JS
node try.mjs | tee seen
diff seen - <<'EXPECTED'
{} api.anthropic.com:443
{"skipWebFetchPreflight":true} page.example:443
EXPECTED
echo 'as described'
