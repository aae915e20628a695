const meta = document.querySelector<HTMLElement>('meta[name=longhaul]');

/** Where the dashboard's pages are, without a slash at its end: the empty text, or such as `/dashboard`. */
export const PAGES_PATH = meta?.dataset['path'] ?? '';

/** Where the API is, without a slash at its end. */
export const API_PATH = meta?.dataset['apiPath'] ?? '';

/** What lets the component library's own styles in: a number that the page's policy names. */
export const STYLE_NONCE = document.querySelector<HTMLElement>('script[nonce]')?.nonce ?? '';

// What keeps the page from scrolling below a dialog writes a style as well, and looks for its nonce here.
Object.assign(globalThis, { ['__webpack_nonce__']: STYLE_NONCE });
