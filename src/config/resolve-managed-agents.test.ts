import { describe, expect, it } from 'vitest';
import { resolveConfig } from './resolve.ts';

const resolve = (managedAgents?: unknown) =>
  resolveConfig({ input: { agents: { reader: { tools: ['Read'] } }, managedAgents }, baseDir: '/app', env: {} });

describe('the agents that clients define', () => {
  it('do not exist unless they are configured', () => {
    expect(resolve().managedAgents).toBeNull();
  });

  it('may have every model with a price and no servers, unless the configuration names them', () => {
    expect(resolve({ template: 'reader' }).managedAgents).toEqual({ template: 'reader', models: null, mcpHosts: [] });
    const models = ['claude-haiku-4-5'];
    const mcpHosts = ['MCP.Example.com', 'mcp.example.com', '10.0.0.7', '::1'];
    expect(resolve({ template: 'reader', models, mcpHosts }).managedAgents).toEqual({
      template: 'reader',
      models,
      mcpHosts: ['mcp.example.com', '10.0.0.7', '::1'],
    });
  });

  it.each([
    [{}, 'managedAgents.template', 'is required'],
    [{ template: 'writer' }, 'managedAgents.template', 'must be one of the agents (reader); received "writer"'],
    [{ template: 'longhaul-health' }, 'managedAgents.template', 'must be one of the agents'],
    [{ template: 'reader', models: [] }, 'managedAgents.models', 'must name at least one model'],
    [{ template: 'reader', mcpHosts: 'all' }, 'managedAgents.mcpHosts', 'must be a list of hosts'],
    [{ template: 'reader', mcpHosts: ['https://a.example'] }, 'managedAgents.mcpHosts.0', 'must be the name of a host'],
    [{ template: 'reader', mcpHosts: ['a.example:80'] }, 'managedAgents.mcpHosts.0', 'without a port'],
    [{ template: 'reader', mcpHosts: ['*.example'] }, 'managedAgents.mcpHosts.0', 'must be the name of a host'],
    [{ template: 'reader', tools: [] }, 'managedAgents.tools', 'is not a known field'],
  ])('are refused with a wrong option: %j', (managedAgents, path, message) => {
    let thrown: unknown;
    try {
      resolve(managedAgents);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code: 'config_invalid',
      errors: [{ path, message: expect.stringContaining(message) as string }],
    });
  });
});
