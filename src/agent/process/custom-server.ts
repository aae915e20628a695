import { createSdkMcpServer, type McpSdkServerConfigWithInstance } from '@anthropic-ai/claude-agent-sdk';
import { z } from 'zod';
import {
  CUSTOM_SERVER,
  type CustomTool,
  type CustomToolBlock,
  type CustomToolResult,
} from '../../core/custom-tools.ts';
import type { CustomResults } from '../tools/custom-results.ts';

/** The longest text of a result that the model gets whole: Claude Code's own maximum. It keeps a longer one in a file. */
const MAX_RESULT_CHARACTERS = 500_000;

const listRequest = z.looseObject({ method: z.literal('tools/list') });
const callRequest = z.looseObject({
  method: z.literal('tools/call'),
  params: z.looseObject({ _meta: z.looseObject({ 'claudecode/toolUseId': z.string().optional() }).optional() }),
});

interface CustomServerOptions {
  readonly tools: readonly CustomTool[];
  readonly results: Pick<CustomResults, 'take'>;
}

/**
 * Creates the server of the tools that the client runs. It answers at once: the gate has waited for the result. Its
 * handlers are set below the SDK's helper for tools, which would convert the schemas.
 */
export function createCustomServer({ tools, results }: CustomServerOptions): McpSdkServerConfigWithInstance {
  const config = createSdkMcpServer({ name: CUSTOM_SERVER, version: '1.0.0' });
  const { server } = config.instance;
  server.registerCapabilities({ tools: {} });
  server.setRequestHandler(listRequest, () => ({ tools: tools.map(toMcpTool) }));
  server.setRequestHandler(callRequest, ({ params }) => {
    const { _meta: meta } = params;
    const id = meta?.['claudecode/toolUseId'];
    const result = id === undefined ? null : results.take(id);
    return toMcpResult(result ?? NO_RESULT);
  });
  return config;
}

const NO_RESULT: CustomToolResult = {
  content: [{ type: 'text', text: 'The result of this tool use is not available.' }],
  isError: true,
};

function toMcpTool({ name, description, inputSchema }: CustomTool) {
  return {
    name,
    description,
    inputSchema,
    // Claude Code begins such tools together, so that the client has all of them at once.
    annotations: { readOnlyHint: true },
    _meta: { 'anthropic/alwaysLoad': true, 'anthropic/maxResultSizeChars': MAX_RESULT_CHARACTERS },
  };
}

function toMcpResult({ content, isError }: CustomToolResult) {
  return { content: content.map(toMcpBlock), isError };
}

function toMcpBlock(block: CustomToolBlock) {
  if (block.type !== 'image') return { type: 'text', text: toText(block) };
  const { media_type: mimeType, data } = block.source;
  return { type: 'image', data, mimeType };
}

function toText(block: Exclude<CustomToolBlock, { type: 'image' }>): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'document':
      return [block.title, block.context, block.source.data].filter(isText).join('\n\n');
    case 'search_result':
      return [block.title, block.source, ...block.content.map(({ text }) => text)].filter(isText).join('\n\n');
  }
}

function isText(text: string | null | undefined): text is string {
  return typeof text === 'string' && text !== '';
}
