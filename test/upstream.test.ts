import { describe, expect, it } from 'vitest';
import { compareObservations } from '../scripts/upstream/observation.ts';
import { readDeclarations } from '../scripts/upstream/read-declarations.ts';

const BEFORE = `
  export declare type Options = {
    /** The model. */
    model?: string;
    effort?: 'low' | 'high';
    sandbox?: { enabled: boolean; network: { domains: string[] } };
  };
  declare type SDKTextMessage = { type: 'text'; text: string };
  export declare type SDKStartedMessage = Base & { type: 'system'; subtype: 'started' };
  declare type SDKAnyMessage = SDKTextMessage | SDKStartedMessage;
  export declare type SDKMessage = SDKAnyMessage | SDKResult;
  declare type SDKResult = { type: 'result'; subtype: 'success' } | { type: 'result'; subtype: 'error' };
  export declare const EVENTS: readonly ['Stop', 'Start'];
  export declare function query(options: Options): Query;
  export declare interface Query { close(): void; setMode(mode: string): Promise<void>; }
`;

describe('the declarations of an Agent SDK', () => {
  it('are options, messages and the rest, each in lines', () => {
    const { options, messages, others, messageNames } = readDeclarations(BEFORE);
    expect(options).toEqual([
      "Options.effort?: 'high'",
      "Options.effort?: 'low'",
      'Options.sandbox?.network: domains: string[]',
      'Options.sandbox?: enabled: boolean',
      'Options: model?: string',
    ]);
    expect(messages).toContain('SDKTextMessage: text: string');
    expect(messages).toContain('SDKStartedMessage: Base');
    expect(messageNames).toEqual(['result', 'system/started', 'text']);
    expect(others).toContain("EVENTS: 'Stop'");
    expect(others).toContain('Query: setMode(mode: string): Promise<void>');
    expect(others).toContain('query: declare function query(options: Options): Query;');
  });

  it('differ by each option, value, message and signature, and not by comments and layout', () => {
    const after = BEFORE.replace('/** The model. */\n    model?: string;', 'model?:   string; // The model.')
      .replace("'low' | 'high'", "'low' | 'high' | 'max'")
      .replace('enabled: boolean; ', '')
      .replace('SDKAnyMessage | SDKResult', 'SDKAnyMessage | SDKResult | SDKNews')
      .replace('Promise<void>', 'Promise<string>')
      .concat("declare type SDKNews = { type: 'news' };");
    const observe = (source: string) => {
      const { options, messages, others, messageNames } = readDeclarations(source);
      return { sdk: '0.3.1', claudeCode: '2.1.1', sections: { options, messages, others, messageNames }, faults: [] };
    };
    expect(compareObservations(observe(BEFORE), observe(after))).toEqual([
      { section: 'options', gone: ['Options.sandbox?: enabled: boolean'], added: ["Options.effort?: 'max'"] },
      { section: 'messages', gone: [], added: ["SDKNews: type: 'news'"] },
      {
        section: 'others',
        gone: ['Query: setMode(mode: string): Promise<void>'],
        added: ['Query: setMode(mode: string): Promise<string>', 'SDKMessage: SDKNews'],
      },
      { section: 'messageNames', gone: [], added: ['news'] },
    ]);
    expect(compareObservations(observe(BEFORE), observe(BEFORE))).toEqual([]);
  });
});

describe('two observations', () => {
  const observe = (version: string, lines: readonly string[]) => ({
    sdk: `0.3.${version}`,
    claudeCode: `2.1.${version}`,
    sections: { requests: lines },
    faults: [],
  });

  it('do not differ by the versions themselves', () => {
    const line = (version: string) => [`header user-agent: claude-cli/2.1.${version} (agent-sdk/0.3.${version})`];
    expect(compareObservations(observe('7', line('7')), observe('8', line('8')))).toEqual([]);
  });

  it('differ by a line that appears once more or once less', () => {
    expect(compareObservations(observe('7', ['a', 'a', 'b']), observe('8', ['a', 'b', 'b']))).toEqual([
      { section: 'requests', gone: ['a'], added: ['b'] },
    ]);
  });
});
