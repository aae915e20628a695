import { randomBytes } from 'node:crypto';
import type { Manifest } from './assets.ts';

interface PageOptions {
  readonly manifest: Manifest;
  /** Where the dashboard's pages are, without a slash at its end. */
  readonly path: string;
  /** Where the API is, without a slash at its end. */
  readonly apiPath: string;
}

interface Page {
  readonly html: string;
  /** Lets this origin's own files be loaded, and nothing else. */
  readonly contentSecurityPolicy: string;
}

/** The one page that the dashboard is: the same for everybody. What there is to see it asks the API for. */
export function createPage({ manifest, path, apiPath }: PageOptions): Page {
  // The component library writes styles of its own; a new number for each answer says that they are ours.
  const nonce = randomBytes(18).toString('base64');
  const url = (name: string) => `${path}/assets/${name}`;
  const lines = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">',
    '<meta name="color-scheme" content="light dark">',
    `<meta name="longhaul" data-path="${path}" data-api-path="${apiPath}">`,
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
    '<noscript>The dashboard needs JavaScript. The same is in the "longhaul" command and the HTTP API.</noscript>',
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
