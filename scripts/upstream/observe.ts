import { readFileSync } from 'node:fs';
import { createMessageMapper } from '../../src/agent/messages/messages-to-events.ts';
import { findExecutable } from '../../src/agent/process/executable.ts';
import { ALIASES } from '../../src/core/model-names.ts';
import { MODEL_PRICES } from '../../src/core/model-prices.ts';
import { askPrices } from './ask-prices.ts';
import { findModelNames } from './find-model-names.ts';
import { holdConversation } from './hold-conversation.ts';
import type { Observation } from './observation.ts';
import { findPriceFaults, toPriceLines } from './price-lines.ts';
import { readDeclarations } from './read-declarations.ts';
import { SCENARIOS } from './scenarios.ts';

// Observes the Agent SDK that is installed beside this file, and prints an `Observation` as JSON. The model is on
// loopback, the key is no key, and the home is empty.

async function observe(): Promise<Observation> {
  const place = new URL('.', import.meta.resolve('@anthropic-ai/claude-agent-sdk'));
  const manifest = JSON.parse(readFileSync(new URL('package.json', place), 'utf8')) as Record<string, string>;
  const found = await findExecutable(undefined);
  if ('problem' in found) throw new Error(found.problem);
  const declared = readDeclarations(readFileSync(new URL('sdk.d.ts', place), 'utf8'));
  const named = await findModelNames(found.path);
  const models = [...new Set([...MODEL_PRICES.keys(), ...ALIASES.keys(), ...named, 'a-model-that-nobody-knows'])];
  const { prices, firstSettings } = await askPrices(models);
  const sections: Record<string, readonly string[]> = {
    options: declared.options,
    messages: declared.messages,
    'events of messages': declared.messageNames.map((name) => `${name} → ${toEventTypes(name)}`),
    'other declarations': declared.others,
    'names of models': named,
    prices: toPriceLines(prices),
    'settings of the first start': Object.entries(firstSettings).map(([name, value]) => toSettingLine(name, value)),
  };
  for (const scenario of SCENARIOS) {
    const { requests, messages, events, transcript } = await holdConversation(scenario);
    sections[`${scenario.name}: requests`] = requests;
    sections[`${scenario.name}: messages`] = messages;
    sections[`${scenario.name}: events`] = events;
    sections[`${scenario.name}: transcript`] = transcript;
  }
  const { version = '', claudeCodeVersion = '' } = manifest;
  return { sdk: version, claudeCode: claudeCodeVersion, sections, faults: findPriceFaults(prices) };
}

function toEventTypes(messageName: string): string {
  const [type, subtype] = messageName.split('/');
  const events = createMessageMapper().toEvents({ type, subtype });
  return events.length === 0 ? 'no event by itself' : events.map((event) => event.type).join(', ');
}

/** Times and identifiers are new each time; versions and marks of migrations count. */
function toSettingLine(name: string, value: unknown): string {
  const isSteady = typeof value === 'number' || typeof value === 'boolean' || name.endsWith('Version');
  return isSteady ? `${name}: ${String(value)}` : name;
}

console.log(JSON.stringify(await observe()));
