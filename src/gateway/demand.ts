import { toFields, toList, toText } from '../core/untyped.ts';

/** What a request may make its provider read and write, as far as the request itself says. */
export interface Demand {
  /** Tokens that its bytes, and the pictures in them, come to at most. */
  readonly byteTokens: number;
  /** Tokens that they probably come to. */
  readonly likelyTokens: number;
  /** Whether its prompt may hold more than its bytes say, up to a whole context window: what the provider has or fetches. */
  readonly isPromptOpen: boolean;
  /** Whether a sampling of it may read more than its bytes say: the prompt, or what tools of the provider's have found. */
  readonly isWindowRead: boolean;
  /** How often its input may be read, and billed, for one answer. */
  readonly samplings: number;
  /** How many answers may be written for it, each as long as `max_tokens` allows. */
  readonly answers: number;
  /** What lets the provider go on by itself, calling tools of its own, as often as it likes; null: nothing does. */
  readonly servedBy: string | null;
  /** How often the provider may search the web for it. */
  readonly maxSearches: number;
  /** Whether it may write to the prompt cache for an hour, which is dearer than five minutes. */
  readonly isHourCached: boolean;
  /** Models beside its own that may write for it; an empty name stands for one that the provider chooses. */
  readonly otherModels: readonly string[];
  /** The largest `max_tokens` of a fallback; 0 without one. */
  readonly fallbackMaxTokens: number;
  /** Whether it, or a fallback, asks for fast mode. */
  readonly isFast: boolean;
}

type Fields = ReturnType<typeof toFields>;

/** For a search tool that sets no bound; more than a model was seen to do within one answer. */
const MAX_SEARCHES = 10;

/** How often a provider calls its own tools before it hands the answer back unfinished. */
const LOOP_SAMPLINGS = 11;

/** How many models a provider tries by itself when it is left to choose the fallbacks. */
const DEFAULT_FALLBACKS = 3;

/** More than any model makes of one picture, however small its file: 4,784 (the catalog inside Claude Code 2.1.330). */
const MAX_IMAGE_TOKENS = 5_000;
const LIKELY_IMAGE_TOKENS = 1_600;

/** What providers put around a prompt: how tools are to be used, and the marks between messages. */
const FRAME_TOKENS = 1_000;

/** Of plain English; used for nothing that must hold. */
const LIKELY_BYTES_PER_TOKEN = 4;

/** Members of a request whose meaning we know; what they make the provider read is in their bytes, or judged below. */
const KNOWN_MEMBERS = new Set(
  [
    'model messages system tools tool_choice max_tokens stop_sequences stream temperature top_k top_p metadata',
    'thinking output_config output_format cache_control context_management compaction fallbacks speed inference_geo',
    'service_tier betas anthropic_beta anthropic_version container mcp_servers thread diagnostics billing_policy',
    'fallback_credit_token user_profile_id workspace_id',
  ].flatMap((line) => line.split(' ')),
);

/** Parts of a message that hold what they are; of `document` and `image` it depends on their source. */
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

/**
 * Reads from a request what it may cost. A token stands for one byte at least, so bytes bound the input, but not where
 * the provider fetches something, reads a document page by page, or calls tools of its own. What we do not know is
 * taken for the dearest it may be.
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
    maxSearches: searches * (1 + fallbacks.count),
    isHourCached:
      content.isHourCached || isHour(toFields(body['cache_control'])) || tools.some((tool) => tool.isHourCached),
    otherModels: [...fallbacks.models, ...tools.flatMap((tool) => tool.model ?? [])],
    fallbackMaxTokens: fallbacks.maxTokens,
    isFast: isFast(body['speed']) || fallbacks.isFast,
  };
}

/** Whether the request names something that stands elsewhere: a thread of the provider's, or a member we do not know. */
function readsElsewhere(body: Fields): boolean {
  if (toFields(body['thread'])['type'] === 'continue') return true;
  return Object.entries(body).some(([name, value]) => !KNOWN_MEMBERS.has(name) && value !== null);
}

/** Summaries that the provider may write of the conversation, each of which reads it once more. */
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
  // It finds definitions that the request itself holds.
  if (type.startsWith('tool_search_tool_')) return { ...common, samplings: LOOP_SAMPLINGS };
  return { ...common, servedBy: type, model: toText(tool['model']) };
}

interface ContentDemand {
  pictures: number;
  pictureBytes: number;
  isWindowRead: boolean;
  isHourCached: boolean;
  readonly addedTools: Fields[];
}

/** Looks at every part of `system` and `messages`, however deep it stands, without recursion: its depth is the sender's. */
function readContent(body: Fields): ContentDemand {
  const found: ContentDemand = {
    pictures: 0,
    pictureBytes: 0,
    isWindowRead: false,
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
      // Also of a part we do not know. What a tool was used with is text for the model, whatever it looks like.
      const source = toFields(block['source']);
      pending.push(block['content'], source['type'] === 'content' ? source['content'] : undefined);
    }
  }
  return found;
}

/** `isPart`: it stands in a list, where the provider expects parts of a message. */
function readBlock(block: Fields, { found, isPart }: { found: ContentDemand; isPart: boolean }): void {
  const type = toText(block['type']) ?? '';
  const source = toFields(block['source']);
  found.isHourCached ||= isHour(toFields(block['cache_control']));
  if (type === 'image') {
    found.pictures += 1;
    if (source['type'] === 'base64') found.pictureBytes += toText(source['data'])?.length ?? 0;
  } else if (type === 'document') {
    // A page is billed as its text and its picture, and how many pages there are the bytes do not say.
    found.isWindowRead ||= source['type'] !== 'content' && source['type'] !== 'text';
  } else if (type === 'tool_addition') {
    found.addedTools.push(toFields(toFields(block['tool'])['definition']));
  } else if (isPart && !KNOWN_BLOCKS.has(type)) {
    found.isWindowRead = true;
  }
}

/** Any life but the shortest, which is what an absent one means. */
function isHour(cacheControl: Fields): boolean {
  return isPresent(cacheControl['ttl']) && cacheControl['ttl'] !== '5m';
}

function isFast(speed: unknown): boolean {
  return isPresent(speed) && speed !== 'standard';
}

/** Whether a member stands for something: an empty list, as SDKs send it, does not. */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
