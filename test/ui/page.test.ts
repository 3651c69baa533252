import axe, { type RunOptions } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { METRICS_PORT } from '../lab/doorway.ts';
import type { FairleadProcess } from '../lab/fairlead-process.ts';
import { FaultyTools } from '../lab/faulty-tools.ts';
import { LiveNode } from '../lab/live-node.ts';
import { describeLab } from '../lab/suite.ts';
import { SHOP, serviceOf, shelf, shopObjects, slicesOf } from './shop.ts';
import { browserHindrance, type OpenPage, PageWindow } from './window.ts';

const hindrance = await browserHindrance();
if (hindrance === undefined) await describeLab('the page', tests);
else if (process.env['CI'] === 'true')
  it('the page', () => expect.fail(`CI must test the page: ${hindrance}`));
else it.skip(`the page (skipped: ${hindrance})`, () => {});

/** Changes and drift are seen to at once. */
const CONFIG = 'iptables:\n  syncPeriod: 1s\n  minSyncPeriod: 0s\n';

function tests(): void {
  let node: LiveNode;
  let fairlead: FairleadProcess;
  let tools: FaultyTools;
  let window: PageWindow;
  let opened: OpenPage[] = [];

  beforeAll(async () => {
    node = await LiveNode.create({ objects: shopObjects() });
    tools = node.own(await FaultyTools.create());
    fairlead = await node.start({ flags: ['--ui'], config: CONFIG, env: { PATH: tools.path } });
    const [opening] = await Promise.all([PageWindow.open(node.namespace), fairlead.synced()]);
    window = node.own(opening);
  }, 90_000);

  afterAll(() => node?.[Symbol.asyncDispose]());

  afterEach(async () => {
    const pages = opened;
    opened = [];
    for (const { page, complaints, strangers } of pages) {
      await page.context().close();
      expect(complaints, 'errors in the console').toEqual([]);
      expect(strangers, 'requests to others than the node').toEqual([]);
    }
  });

  async function open(hash = '', options: BrowserContextOptions = {}): Promise<Page> {
    const one = await window.page(hash, options);
    one.page.setDefaultTimeout(10_000);
    opened.push(one);
    await one.page.locator('.services li').first().waitFor({ state: 'attached' });
    return one.page;
  }

  const names = (page: Page) => page.locator('.services li strong').allTextContents();
  const found = async (page: Page, search: string, expected: readonly string[]) => {
    await page.getByRole('searchbox').fill(search);
    await expect.poll(() => names(page), { timeout: 10_000, message: search }).toEqual(expected);
  };

  it('shows the node, its trouble and how long syncs took', async () => {
    const page = await open();
    await page.getByRole('heading', { level: 1 }).getByText('node-1').waitFor();
    await page.getByText('iptables mode').waitFor();
    await page.getByRole('status').getByText('live', { exact: true }).waitFor();
    await page.getByText(`${SHOP.length} Services`, { exact: true }).waitFor();
    const plot = page.getByRole('img', { name: /^\d+ syncs, half of them in up to/ });
    await plot.locator('.mark').nth(1).waitFor();
    await page.getByText('Compared with the kernel').first().waitFor();
  });

  it('finds Services by name, address and port', async () => {
    const page = await open();
    await found(page, 'front', ['storefront']);
    await found(page, 'shop post', ['postgres']);
    await found(page, '10.96.0.20', ['webhooks']);
    await found(page, '30443', ['gateway']);
    await found(page, '10.244.1.50', ['webhooks']);
    await found(page, 'nothing', []);
    await page.getByText(`None of ${SHOP.length} Services.`).waitFor();
    await page.getByLabel('Only those in trouble').check();
    await found(page, '', ['webhooks', 'image-resizer']);
    expect(await page.locator('.services .badge').allTextContents()).toEqual([
      'no local endpoints',
      'no endpoints',
    ]);
  });

  it('shows the path of packets as the kernel has it', async () => {
    const page = await open();
    await page.getByRole('link', { name: /^storefront/ }).click();
    await page.getByRole('heading', { name: 'storefront shop' }).waitFor();
    const picture = page.getByRole('img', { name: 'Ways in to shop/storefront:http/tcp' });
    await picture.waitFor();
    const texts = await picture.locator('.box text').allTextContents();
    expect(texts).toEqual(
      expect.arrayContaining(['cluster IP', 'node port', 'external IP', 'load balancer']),
    );
    expect(texts).toEqual(expect.arrayContaining(['10.96.0.11:80', '172.18.0.0/16', 'terminating, node-3']));
    const rules = await node.rules('ipv4');
    const chains = texts.filter((text) => text.startsWith('KUBE-'));
    expect(chains.length).toBeGreaterThan(5);
    for (const chain of chains) expect(rules).toContain(`:${chain} `);
    expect(await picture.locator('.share-label').allTextContents()).toEqual(['25 %', '25 %', '25 %', '25 %']);

    await page.goto(`${window.url}/#/services/payments/webhooks`);
    const refusal = page.getByRole('img').locator('.box.drop text');
    await expect
      .poll(async () => (await refusal.allTextContents()).join(' '))
      .toMatch(/^dropped .*others are on node-2, node-3$/);
    await page.getByText('In words').click();
    await page.getByText('from outside the cluster: dropped (KUBE-EXTERNAL-SERVICES)').waitFor();
  });

  it('follows a change, and shows what was written', async () => {
    const page = await open('#/services/shop/cart');
    await page.getByRole('cell', { name: '10.244.0.18:8080' }).waitFor();
    node.put(slicesOf({ ...shelf('shop/cart'), pods: [2, 2, 1] }));
    await page.getByRole('cell', { name: '10.244.0.19:8080' }).waitFor();
    const row = page.locator('tr', { hasText: 'shop/cart:http/tcp, shop/cart:grpc/tcp' }).first();
    await row.getByRole('button', { name: /what sync \d+ wrote$/ }).click();
    await page.getByText('Payload, as it was given').click();
    await page.locator('pre', { hasText: 'DNAT --to-destination 10.244.0.19:8080' }).waitFor();

    await page.getByRole('searchbox').fill('blog');
    await page.getByText(`None of ${SHOP.length} Services.`).waitFor();
    const blog = { ...shelf('shop/search'), key: 'default/blog' };
    node.put([serviceOf(blog), ...slicesOf(blog)]);
    await page.locator('.services strong', { hasText: 'blog' }).click();
    await page.getByRole('heading', { name: 'blog default' }).waitFor();
    node.api.delete('Service', 'default', 'blog');
    await page.getByText('No such Service is programmed on this node.').waitFor();
  });

  it('says which Service does not get what it claims', async () => {
    const { spec, ...grafana } = serviceOf(shelf('monitoring/grafana'));
    const own = { clusterIP: '10.96.0.99', clusterIPs: ['10.96.0.99'] };
    node.put([{ ...grafana, metadata: { namespace: 'default', name: 'rival' }, spec: { ...spec, ...own } }]);
    const page = await open();
    await page.getByText('IPv4: default/rival:http/tcp does not get 203.0.113.29:80/tcp').waitFor();
    await page.locator('.trouble').getByRole('link', { name: 'monitoring/grafana:http/tcp' }).click();
    await page.getByRole('heading', { name: 'grafana monitoring' }).waitFor();
    node.api.delete('Service', 'default', 'rival');
    await page.getByRole('link', { name: '← This node' }).click();
    await page.getByText('default/rival:http/tcp does not get').waitFor({ state: 'detached' });
  });

  it('says what the kernel refuses, and takes nobody’s text for its own', async () => {
    const page = await open();
    const program = 'iptables-nft-restore';
    const message = '<img src=x onerror="document.title=1">';
    const rule = '-j DNAT --to-destination 10.244.0.24:8080';
    const stderr = `${program} v1.8.9 (nf_tables): \nline %d: RULE_APPEND failed (${message}): rule in chain X`;
    await tools.give({ program, payload: rule, stderr, exitCode: 4 });
    node.put(slicesOf({ ...shelf('shop/catalog'), pods: [3, 2, 2] }));
    const entry = page.getByRole('listitem').filter({ hasText: 'shop/catalog:http/tcp is quarantined' });
    await entry.getByText(message).waitFor();
    await entry.locator('code', { hasText: rule }).waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    await entry.getByRole('link').click();
    await page.getByRole('heading', { name: 'catalog shop' }).waitFor();
    await page.getByText('IPv4: shop/catalog:http/tcp is quarantined. Its last good rules stay.').waitFor();
    await page.getByText('This is what is wanted').waitFor();
    await page.locator('.services li', { hasText: 'catalog' }).getByText('quarantined').waitFor();

    await tools.take(program);
    node.put(slicesOf({ ...shelf('shop/catalog'), pods: [3, 2, 1] }));
    await page.getByText('is quarantined').waitFor({ state: 'detached' });
    await page.locator('.services').getByText('quarantined').waitFor({ state: 'detached' });
  });

  it('shows drift that was repaired', async () => {
    const page = await open();
    const figures = page.getByLabel('IPv4', { exact: true });
    await figures.getByText('none', { exact: true }).waitFor();
    await node.iptables('ipv4', '-t', 'nat', '-F', 'KUBE-SERVICES');
    await page.getByText('drift repaired').first().waitFor();
    await figures.getByText(/^\d+ lines last \d+ s ago$/).waitFor();
  });

  it('can be used with the keyboard alone', async () => {
    const page = await open();
    await page.keyboard.press('/');
    await page.keyboard.type('gateway');
    await expect.poll(() => names(page)).toEqual(['gateway']);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'gateway ingress' }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page
      .getByRole('img', { name: /gateway:http/ })
      .getByText('[fd00:10:96::10]:80')
      .waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('dns');
    await expect.poll(() => names(page)).toEqual(['kube-dns']);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'kube-dns kube-system' }).waitFor();
  });

  it('is accessible', async () => {
    const page = await open();
    await page.evaluate(axe.source);
    for (const [hash, heading] of [
      ['#/', 'This node'],
      ['#/services/shop/storefront', 'storefront shop'],
      ['#/services/payments/webhooks', 'webhooks payments'],
    ] as const) {
      await page.setViewportSize({ width: 1280, height: 860 });
      await page.goto(`${window.url}/${hash}`);
      await page.getByRole('heading', { name: heading, level: 2 }).waitFor();
      await page.getByRole('heading', { name: 'Recent changes' }).waitFor();
      const details = page.getByRole('button', { name: /what sync \d+ wrote$/ }).first();
      if ((await details.count()) > 0) await details.click();
      await isAccessible(page, hash);
      await page.emulateMedia({ colorScheme: 'dark' });
      await isAccessible(page, `${hash} in the dark`, { runOnly: ['color-contrast'] });
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 390, height: 860 });
      await isAccessible(page, `${hash} on a phone`);
      const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth');
      expect(fits, 'nothing sticks out sideways').toBe(true);
    }
  });

  it('is nobody else’s business', async () => {
    const { status, headers } = await node.door.get(METRICS_PORT, '/');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    for (const path of [
      '/',
      '/debug/state',
      '/debug/events',
      '/debug/services',
      '/debug/rules',
      '/configz',
    ]) {
      const rebound = await node.door.get(METRICS_PORT, path, { host: 'attacker.example:10249' });
      expect(rebound.status, path).toBe(403);
    }
    const foreign = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' };
    expect((await node.door.get(METRICS_PORT, '/debug/events', foreign)).status).toBe(403);
    expect((await node.door.get(METRICS_PORT, '/debug/state')).headers).not.toHaveProperty(
      'access-control-allow-origin',
    );
  });

  it('finds its way back when the proxy has been restarted, without a page of its own by now', async () => {
    const { page } = await window.page();
    page.setDefaultTimeout(20_000);
    await page.getByRole('status').getByText('live', { exact: true }).waitFor();
    expect(await fairlead.stop()).toBe(0);
    await page.getByText('no connection: trying again').waitFor();
    fairlead = await node.start();
    await page.getByRole('status').getByText('live', { exact: true }).waitFor();
    await page
      .getByText(/which had \d+ objects/)
      .first()
      .waitFor();
    await page.context().close();
    expect((await node.door.get(METRICS_PORT, '/')).status).toBe(404);
  });
}

/** Axe objects to nothing, once the page has taken its new shape. */
async function isAccessible(page: Page, what: string, options: RunOptions = {}): Promise<void> {
  await expect.poll(() => violations(page, options), { timeout: 10_000, message: what }).toEqual([]);
}

/** What axe objects to, with the elements. */
async function violations(page: Page, options: RunOptions): Promise<readonly (readonly string[])[]> {
  const found = await page.evaluate<readonly { id: string; nodes: readonly { html: string }[] }[]>(
    `axe.run(${JSON.stringify(options)}).then(({ violations }) => violations)`,
  );
  return found.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]);
}
