#!/usr/bin/env bash
# Claude Code leaves out, or changes, tools of an MCP server whose schemas are valid, and says nothing.
#
# Expected: the model gets each tool as the server lists it, or the init message or the log says why not.
# Seen with @anthropic-ai/claude-agent-sdk 0.3.332 (Claude Code 2.1.332), the server being "connected": a tool with a space in
# the name of a property is missing; a schema with anyOf at its top loses it, and the description grows; a description of
# 5,000 characters is cut to 4,109; anyOf below a property stays.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir home
npm install --silent --no-audit --no-fund @anthropic-ai/claude-agent-sdk@0.3.332 zod@4.1.12 >&2
cat >try.mjs <<'JS'
import { createServer } from 'node:http';
import { createSdkMcpServer, query } from '@anthropic-ai/claude-agent-sdk';
import { z } from 'zod';
const sse = (type, data) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const usage = { input_tokens: 5, output_tokens: 5 };
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [], stop_reason: null, usage };
const text = { type: 'string' };
const either = [{ required: ['city'] }, { required: ['zip'] }];
const tools = {
  plain: { properties: { city: text } },
  combined: { properties: { city: text, zip: text }, anyOf: either },
  nested: { properties: { place: { anyOf: [text, { type: 'number' }] } } },
  spaced: { properties: { 'the city': text } },
  wordy: { properties: { city: text } },
};
let given = [];
const model = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  if (!request.url.startsWith('/v1/messages?')) return response.writeHead(404).end('{}');
  given = JSON.parse(body).tools;
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
const own = createSdkMcpServer({ name: 'own', version: '1.0.0' });
const { server } = own.instance;
server.registerCapabilities({ tools: {} });
server.setRequestHandler(z.object({ method: z.literal('tools/list') }), () => ({
  tools: Object.entries(tools).map(([name, schema]) => ({
    name,
    description: name === 'wordy' ? 'x'.repeat(5_000) : name,
    inputSchema: { type: 'object', ...schema },
    _meta: { 'anthropic/alwaysLoad': true },
  })),
}));
const options = { cwd: home, model: message.model, tools: [], allowedTools: ['mcp__own'], mcpServers: { own }, settingSources: [], env };
for await (const said of query({ prompt: 'Hello.', options }))
  if (said.subtype === 'init') console.log(`server: ${said.mcp_servers[0].status}`);
for (const name of Object.keys(tools)) {
  const tool = given.find((one) => one.name === `mcp__own__${name}`);
  const keeps = tool && (tools[name].anyOf === undefined || tool.input_schema.anyOf !== undefined);
  console.log(`${name}: ${tool ? `${tool.description.length} characters, anyOf ${keeps ? 'kept' : 'lost'}` : 'missing'}`);
}
process.exit();
JS
node try.mjs | tee seen
diff seen - <<'EXPECTED'
server: connected
plain: 5 characters, anyOf kept
combined: 84 characters, anyOf lost
nested: 6 characters, anyOf kept
spaced: missing
wordy: 4109 characters, anyOf kept
EXPECTED
