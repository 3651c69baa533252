import { once } from 'node:events';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { METRICS_PORT } from '../lab/doorway.ts';
import { type Namespace, newPrefix } from '../lab/namespaces.ts';

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium';
const RELAY = fileURLToPath(new URL('../lab/doorway-relay.ts', import.meta.url));

/** Why there can be no browser, as half a sentence; undefined where there can. */
export async function browserHindrance(): Promise<string | undefined> {
  try {
    await access(CHROMIUM, constants.X_OK);
    return undefined;
  } catch {
    return `${CHROMIUM} is not installed (test/lab/setup.sh installs it)`;
  }
}

/** A page that is open, and what has gone wrong in it. */
export interface OpenPage {
  readonly page: Page;
  /** Errors and warnings of its console, and exceptions. */
  readonly complaints: readonly string[];
  /** What it asked others than the node for. */
  readonly strangers: readonly string[];
}

/** A browser that sees the metrics server of a node in a namespace at an address of this machine. */
export class PageWindow implements AsyncDisposable {
  readonly url: string;
  readonly #browser: Browser;
  readonly #resources: AsyncDisposableStack;

  static async open(namespace: Namespace): Promise<PageWindow> {
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-window-`));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const relay = namespace.start([process.execPath, RELAY, folder, String(METRICS_PORT)]);
    resources.defer(async () => {
      relay.kill();
      await relay;
    });
    await once(relay.stdout, 'data');
    const server = createServer((client) => {
      const upstream = connect(join(folder, `${METRICS_PORT}.sock`));
      client.pipe(upstream).pipe(client);
      client.on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    resources.defer(() => void server.close());
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    resources.defer(() => browser.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new PageWindow(url, browser, resources.move());
  }

  private constructor(url: string, browser: Browser, resources: AsyncDisposableStack) {
    this.url = url;
    this.#browser = browser;
    this.#resources = resources;
  }

  /** Opens the page at a Service (`#/services/shop/cart`) or the node. */
  async page(hash = '', options: BrowserContextOptions = {}): Promise<OpenPage> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    const strangers: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(this.url) && !request.url().startsWith('data:'))
        strangers.push(request.url());
    });
    await page.goto(`${this.url}/${hash}`);
    return { page, complaints, strangers };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}
