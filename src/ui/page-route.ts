import { createHash } from 'node:crypto';
import { type Answer, type Route, text } from '../debug/route.ts';

/** The page, at `/`. It is loaded when it is first asked for. */
export function pageRoute(): Route {
  let page: Promise<Answer> | undefined;
  const answer = async (): Promise<Answer> => {
    page ??= loadPage();
    try {
      return await page;
    } catch (error) {
      page = undefined;
      return text(`the page cannot be built: ${(error as Error).message}\n`, 503);
    }
  };
  return { path: '/', answer };
}

async function loadPage(): Promise<Answer> {
  const { pageText } = await import('./page-text.ts');
  const body = await pageText();
  return {
    type: 'text/html; charset=utf-8',
    body,
    headers: {
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': contentSecurityPolicy(body),
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
    },
  };
}

/** Its own script and style, and this server's data; nothing else. */
export function contentSecurityPolicy(html: string): string {
  const hashes = (element: string) =>
    [...html.matchAll(new RegExp(`<${element}[^>]*>(.*?)</${element}>`, 'gs'))].map(([, content = '']) => {
      return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
    });
  return [
    "default-src 'none'",
    `script-src ${hashes('script').join(' ')}`,
    `style-src ${hashes('style').join(' ')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
