const meta = document.querySelector<HTMLElement>('meta[name=longhaul]');

/** Path of the dashboard's pages without a slash at its end: the empty text, or for example `/dashboard`. */
export const PAGES_PATH = meta?.dataset['path'] ?? '';

/** Path of the API, without a slash at its end. */
export const API_PATH = meta?.dataset['apiPath'] ?? '';

/** Name of the OpenID Connect provider; null when people sign in with API keys only. */
export const OIDC_TITLE = meta?.dataset['oidcTitle'] ?? null;

/** Nonce of the content security policy, which allows the style elements of the component library. */
export const STYLE_NONCE = document.querySelector<HTMLElement>('script[nonce]')?.nonce ?? '';

// The library that stops the page from scrolling below a dialog also inserts a style, and reads its nonce here.
Object.assign(globalThis, { ['__webpack_nonce__']: STYLE_NONCE });
