import { toFields, toList, toText } from '../core/untyped.ts';

/** The work that a request may cause at its provider, as far as the request itself shows. */
export interface Demand {
  /** Maximum number of tokens of its bytes, and of the pictures in them. */
  readonly byteTokens: number;
  /** Probable number of tokens of its bytes and pictures. */
  readonly likelyTokens: number;
  /**
   * True when its prompt may contain more than its bytes, up to a whole context window: data that the provider stores
   * or fetches.
   */
  readonly isPromptOpen: boolean;
  /** True when a sampling may read more than the bytes: of the prompt, or of the results of the provider's tools. */
  readonly isWindowRead: boolean;
  /** Maximum number of times that its input is read, and billed, for one answer. */
  readonly samplings: number;
  /** Maximum number of answers written for it, each as long as `max_tokens` allows. */
  readonly answers: number;
  /** The feature that lets the provider continue by itself, with any number of tool calls; null for none. */
  readonly servedBy: string | null;
  /**
   * The feature with which the provider itself would connect to another host, which the request may name; null for
   * none. A web search is counted in `maxSearches`.
   */
  readonly reachedBy: string | null;
  /** Maximum number of web searches by the provider. */
  readonly maxSearches: number;
  /** True when it may write to the prompt cache for an hour, which costs more than five minutes. */
  readonly isHourCached: boolean;
  /** Other models that may write for it; an empty name stands for a model that the provider chooses. */
  readonly otherModels: readonly string[];
  /** The largest `max_tokens` of a fallback; 0 without a fallback. */
  readonly fallbackMaxTokens: number;
  /** True when the request, or a fallback, asks for fast mode. */
  readonly isFast: boolean;
}

type Fields = ReturnType<typeof toFields>;

/** For a search tool without a bound; more than a model was seen to do within one answer. */
const MAX_SEARCHES = 10;

/** Number of its tool calls after which a provider returns the answer unfinished. */
const LOOP_SAMPLINGS = 11;

/** Number of models that a provider tries by itself when it chooses the fallbacks. */
const DEFAULT_FALLBACKS = 3;

/**
 * More than any model counts for one picture, however small its file: 4,784 (the catalog inside Claude Code 2.1.330).
 */
const MAX_IMAGE_TOKENS = 5_000;
const LIKELY_IMAGE_TOKENS = 1_600;

/** Tokens that providers add to a prompt: instructions for tools, and marks between messages. */
const FRAME_TOKENS = 1_000;

/** For plain English; used only for estimates. */
const LIKELY_BYTES_PER_TOKEN = 4;

/** Members of a request with a known meaning; their effect on the input is in their bytes, or judged below. */
const KNOWN_MEMBERS = new Set(
  [
    'model messages system tools tool_choice max_tokens stop_sequences stream temperature top_k top_p metadata',
    'thinking output_config output_format cache_control context_management compaction fallbacks speed inference_geo',
    'service_tier betas anthropic_beta anthropic_version container mcp_servers thread diagnostics billing_policy',
    'fallback_credit_token user_profile_id workspace_id',
  ].flatMap((line) => line.split(' ')),
);

/** Parts of a message that contain their whole content; for `document` and `image` it depends on their source. */
const KNOWN_BLOCKS = new Set(
  [
    'text image document thinking redacted_thinking tool_use tool_result tool_reference search_result fallback compaction',
    'server_tool_use web_search_tool_result web_search_result web_fetch_tool_result advisor_tool_result',
    'code_execution_tool_result code_execution_output bash_code_execution_tool_result bash_code_execution_output',
    'text_editor_code_execution_tool_result tool_search_tool_result mcp_tool_use mcp_tool_result mcp_tool_listing',
    'tool_addition tool_removal',
  ].flatMap((line) => line.split(' ')),
);

/** Tools that the agent's process runs: the answer ends with their use. */
const CLIENT_TOOL = /^(?:custom|(?:bash|text_editor|computer|memory)_\d+|(?:computer|browser)_toolset_\d+)$/;

/** Tools of the provider's that connect to no other host: an unknown one may. */
const STAYS_INSIDE = /^(?:advisor|code_execution)_\d+$/;

/**
 * Reads the possible cost of a request. A token has at least one byte, so bytes bound the input, except where the
 * provider fetches data, reads a document page by page, or calls its own tools. Unknown parts count at the highest cost
 * they may have.
 */
export function readDemand(body: Fields, size: number): Demand {
  const content = readContent(body);
  const tools = [...toList(body['tools']).map(toFields), ...content.addedTools].map(readTool);
  const fallbacks = readFallbacks(body['fallbacks']);
  const searches = tools.reduce((sum, tool) => sum + tool.searches, 0);
  const served = [
    ...tools.map((tool) => tool.servedBy),
    isPresent(body['mcp_servers']) ? 'mcp_servers' : null,
    isPresent(body['container']) ? 'container' : null,
  ].find((by) => by !== null);
  const compactions = countCompactions(body);
  const { pictureBytes } = content;
  // A tool of the provider's may come with definitions that the request only names.
  const isPromptOpen = content.isWindowRead || served !== undefined || readsElsewhere(body);
  const loops = Math.max(
    1,
    searches + 1,
    ...tools.map((tool) => tool.samplings),
    served === undefined ? 1 : LOOP_SAMPLINGS,
  );
  return {
    byteTokens: size - pictureBytes + content.pictures * MAX_IMAGE_TOKENS + FRAME_TOKENS,
    likelyTokens: Math.ceil((size - pictureBytes) / LIKELY_BYTES_PER_TOKEN + content.pictures * LIKELY_IMAGE_TOKENS),
    isPromptOpen,
    isWindowRead: isPromptOpen || searches > 0,
    samplings: (loops + compactions) * (1 + fallbacks.count),
    answers: (served === undefined ? 1 : LOOP_SAMPLINGS) + fallbacks.count + compactions,
    servedBy: served ?? null,
    reachedBy:
      [
        isPresent(body['mcp_servers']) ? 'mcp_servers' : null,
        content.namesUrl ? 'a source of the type url' : null,
        ...tools.map((tool) => tool.servedBy),
      ].find((by) => by !== null && !STAYS_INSIDE.test(by)) ?? null,
    maxSearches: searches * (1 + fallbacks.count),
    isHourCached:
      content.isHourCached || isHour(toFields(body['cache_control'])) || tools.some((tool) => tool.isHourCached),
    otherModels: [...fallbacks.models, ...tools.flatMap((tool) => tool.model ?? [])],
    fallbackMaxTokens: fallbacks.maxTokens,
    isFast: isFast(body['speed']) || fallbacks.isFast,
  };
}

/** Returns whether the request refers to content elsewhere: a thread at the provider, or a member we do not know. */
function readsElsewhere(body: Fields): boolean {
  if (toFields(body['thread'])['type'] === 'continue') return true;
  return Object.entries(body).some(([name, value]) => !KNOWN_MEMBERS.has(name) && value !== null);
}

/** Returns the number of summaries that the provider may write of the conversation; each reads it again. */
function countCompactions(body: Fields): number {
  const edits = toList(toFields(body['context_management'])['edits']).map((edit) => toFields(edit)['type']);
  const others = edits.filter((type) => !toText(type)?.startsWith('clear_'));
  return others.length + (isPresent(body['compaction']) ? 1 : 0);
}

function readFallbacks(fallbacks: unknown) {
  const entries = toList(fallbacks).map(toFields);
  const isLeftOpen = !Array.isArray(fallbacks) && isPresent(fallbacks);
  return {
    count: isLeftOpen ? DEFAULT_FALLBACKS : entries.length,
    models: isLeftOpen ? [''] : entries.map(({ model }) => toText(model) ?? ''),
    maxTokens: Math.max(0, ...entries.map(({ max_tokens: most }) => (isCount(most) ? most : 0))),
    isFast: entries.some(({ speed }) => isFast(speed)),
  };
}

interface ToolDemand {
  readonly searches: number;
  readonly samplings: number;
  readonly servedBy: string | null;
  readonly isHourCached: boolean;
  readonly model: string | null;
}

function readTool(tool: Fields): ToolDemand {
  const type = toText(tool['type']) ?? '';
  const common = {
    searches: 0,
    samplings: 1,
    servedBy: null,
    isHourCached: isHour(toFields(tool['cache_control'])) || isHour(toFields(tool['caching'])),
    model: null,
  };
  if (type === '' || CLIENT_TOOL.test(type)) return common;
  if (type.startsWith('web_search_')) {
    return { ...common, searches: isCount(tool['max_uses']) ? tool['max_uses'] : MAX_SEARCHES };
  }
  // This tool finds definitions that the request itself contains.
  if (type.startsWith('tool_search_tool_')) return { ...common, samplings: LOOP_SAMPLINGS };
  return { ...common, servedBy: type, model: toText(tool['model']) };
}

interface ContentDemand {
  pictures: number;
  pictureBytes: number;
  isWindowRead: boolean;
  /** True when a part is at an address of the web, from which the provider fetches it. */
  namesUrl: boolean;
  isHourCached: boolean;
  readonly addedTools: Fields[];
}

/**
 * Reads every part of `system` and `messages` at any depth. Does not recurse, because the sender controls the depth.
 */
function readContent(body: Fields): ContentDemand {
  const found: ContentDemand = {
    pictures: 0,
    pictureBytes: 0,
    isWindowRead: false,
    namesUrl: false,
    isHourCached: false,
    addedTools: [],
  };
  const pending = [body['system'], ...toList(body['messages']).map((message) => toFields(message)['content'])];
  while (pending.length > 0) {
    const content = pending.pop();
    if (typeof content !== 'object' || content === null) continue;
    const isList = Array.isArray(content);
    for (const part of isList ? toList(content) : [content]) {
      const block = toFields(part);
      readBlock(block, { found, isPart: isList });
      // Reads nested content of unknown parts as well. The input of a tool use is text for the model, whatever it looks
      // like.
      const source = toFields(block['source']);
      pending.push(block['content'], source['type'] === 'content' ? source['content'] : undefined);
    }
  }
  return found;
}

/** `isPart`: the block is in a list, where the provider expects parts of a message. */
function readBlock(block: Fields, { found, isPart }: { found: ContentDemand; isPart: boolean }): void {
  const type = toText(block['type']) ?? '';
  const source = toFields(block['source']);
  found.isHourCached ||= isHour(toFields(block['cache_control']));
  found.namesUrl ||= source['type'] === 'url';
  if (type === 'image') {
    found.pictures += 1;
    if (source['type'] === 'base64') found.pictureBytes += toText(source['data'])?.length ?? 0;
  } else if (type === 'document') {
    // A page is billed as its text and its picture, and the bytes do not show the number of pages.
    found.isWindowRead ||= source['type'] !== 'content' && source['type'] !== 'text';
  } else if (type === 'tool_addition') {
    found.addedTools.push(toFields(toFields(block['tool'])['definition']));
  } else if (isPart && !KNOWN_BLOCKS.has(type)) {
    found.isWindowRead = true;
  }
}

/** Returns whether the lifetime is longer than the shortest, which is the default. */
function isHour(cacheControl: Fields): boolean {
  return isPresent(cacheControl['ttl']) && cacheControl['ttl'] !== '5m';
}

function isFast(speed: unknown): boolean {
  return isPresent(speed) && speed !== 'standard';
}

/** Returns whether a member has a value: an empty list, as SDKs send it, does not count. */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
