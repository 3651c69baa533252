/**
 * Makes the picture of the page that README.md shows: `npm run screenshot`. A node in a network namespace of this
 * machine, a shop's cluster, some changes, and Debian's Chromium.
 */
import { stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { labHindrance } from '../lab/hindrance.ts';
import { LiveNode } from '../lab/live-node.ts';
import { type Shelf, shelf, shopObjects, slicesOf } from './shop.ts';
import { browserHindrance, PageWindow } from './window.ts';

const FILE = fileURLToPath(new URL('../../src/ui/screenshot.png', import.meta.url));
const MAX_BYTES = 200_000;

/** Pods that come and go: on this node, and on the others. */
const CHANGES: readonly (readonly [string, Shelf['pods']])[] = [
  ['shop/search', [3, 3, 4]],
  ['shop/catalog', [2, 3, 2]],
  ['payments/checkout', [1, 2, 0]],
  ['shop/search', [3, 4, 4]],
  ['shop/cart', [2, 2, 1]],
  ['shop/recommendations', [1, 1, 1]],
  ['shop/storefront', [2, 2, 1]],
];

async function main(): Promise<void> {
  const hindrance = (await labHindrance()) ?? (await browserHindrance());
  if (hindrance !== undefined) throw new Error(hindrance);
  await using node = await LiveNode.create({ objects: shopObjects() });
  const fairlead = await node.start({ flags: ['--ui'] });
  await fairlead.synced();
  for (const [key, pods] of CHANGES) {
    node.put(slicesOf({ ...shelf(key), pods }));
    await pause(700);
  }
  await using window = await PageWindow.open(node.namespace);
  const { page } = await window.page('#/services/shop/storefront', {
    viewport: { width: 1340, height: 880 },
  });
  await page.getByRole('searchbox').fill('shop');
  await page.getByText('8 of 22 Services').waitFor();
  await page.evaluate('document.activeElement.blur()');
  await page.screenshot({ path: FILE });
  const { size } = await stat(FILE);
  process.stdout.write(`${FILE}: ${Math.round(size / 1000)} kB\n`);
  if (size > MAX_BYTES) throw new Error(`it must be of at most ${MAX_BYTES} bytes`);
}

await main();
