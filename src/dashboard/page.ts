import { randomBytes } from 'node:crypto';
import type { Manifest } from './assets.ts';

interface PageOptions {
  readonly manifest: Manifest;
  /** Path of the dashboard's pages, without a slash at its end. */
  readonly path: string;
  /** Path of the API, without a slash at its end. */
  readonly apiPath: string;
  /** Name of the OpenID Connect provider; null when people sign in with API keys only. */
  readonly oidcTitle: string | null;
}

interface Page {
  readonly html: string;
  /** Allows the page to load files of this origin only. */
  readonly contentSecurityPolicy: string;
}

/** Creates the dashboard's only HTML page. It is the same for all users and gets its data from the API. */
export function createPage({ manifest, path, apiPath, oidcTitle }: PageOptions): Page {
  // The component library inserts style elements. The nonce, new for each response, allows them.
  const nonce = randomBytes(18).toString('base64');
  const url = (name: string) => `${path}/assets/${name}`;
  const oidc = oidcTitle === null ? '' : ` data-oidc-title="${toAttribute(oidcTitle)}"`;
  const lines = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">',
    '<meta name="color-scheme" content="light dark">',
    `<meta name="longhaul" data-path="${path}" data-api-path="${apiPath}"${oidc}>`,
    '<title>Longhaul</title>',
    `<link rel="icon" href="${url(manifest.icon)}" type="image/svg+xml">`,
    `<script src="${url(manifest.boot)}"></script>`,
    ...manifest.styles.map((name) => `<link rel="stylesheet" href="${url(name)}">`),
    ...manifest.fonts.map((name) => `<link rel="preload" href="${url(name)}" as="font" type="font/woff2" crossorigin>`),
    ...manifest.chunks.map((name) => `<link rel="modulepreload" href="${url(name)}">`),
    `<script type="module" src="${url(manifest.script)}" nonce="${nonce}"></script>`,
    '</head>',
    '<body>',
    '<div id="root"></div>',
    '<noscript>The dashboard needs JavaScript. The "longhaul" command and the HTTP API offer the same without it.</noscript>',
    '</body>',
    '</html>',
  ];
  return {
    html: lines.join('\n'),
    contentSecurityPolicy: [
      "default-src 'none'",
      "script-src 'self'",
      `style-src 'self' 'nonce-${nonce}'`,
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

function toAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
