interface PostOptions {
  readonly url: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Posts JSON. Any 2xx answer counts as accepted, and a redirect as a rejection: a message that was signed for one
 * address is not sent to another. Errors do not contain the URL, which is the secret of many receivers.
 */
export async function postJson({ url, body, headers, signal }: PostOptions): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'longhaul' },
      body,
      signal,
    });
  } catch (error) {
    throw new Error(`no connection: ${toReason(error)}`, { cause: error });
  }
  await response.body?.cancel();
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
}

/** Returns the system's code for an error, such as `ECONNREFUSED`. */
function toReason(error: unknown): string {
  const { code, cause, name } = error as { code?: unknown; cause?: { code?: unknown }; name?: unknown };
  return String(cause?.code ?? (typeof code === 'string' ? code : name));
}
