import { expect, type Page, test } from '@playwright/test';
import { address, languages, noAxeViolations, open, widths } from './site.ts';

test('without JavaScript the drawn map has a link per neighbourhood, marks and a legend', async ({ browser }) => {
  const { page, close } = await open(browser, address('nl', '/'), { javaScriptEnabled: false, viewport: { width: 360, height: 800 } });
  const links = page.locator('.tekening svg a');
  const rows = page.locator('table.buurten tbody tr');
  expect(await links.count()).toBeGreaterThan(3);
  expect(await links.count()).toBe(await rows.count());
  await expect(page.locator('.legenda > ul').first().locator('li')).toHaveCount(5);
  await expect(page.locator('.kaartknop')).toHaveCount(0);
  const drawing = await page.locator('.tekening svg').boundingBox();
  expect(drawing?.width ?? 0).toBeGreaterThan(250);
  await links.first().focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/buurt\/BU/);
  await close();
});

test('without JavaScript the form and the sorting work', async ({ browser }) => {
  const { page, close } = await open(browser, address('en', '/'), { javaScriptEnabled: false });
  await page.getByLabel('value', { exact: true }).check();
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page).toHaveURL(/lens=value/);
  await page.locator('table.buurten thead a').nth(2).click();
  await expect(page).toHaveURL(/sort=value/);
  await expect(page.locator('table.buurten thead th').nth(2)).toHaveAttribute('aria-sort', 'descending');
  await close();
});

test('on a phone the form is folded, the legend follows the drawing and a row shows its value', async ({ browser }) => {
  const { page, close } = await open(browser, address('nl', '/?sort=value'), { javaScriptEnabled: false, viewport: { width: 360, height: 800 } });
  await expect(page.getByRole('button', { name: 'Toon' })).toBeHidden();
  await page.locator('.vouw > summary').click();
  await expect(page.getByRole('button', { name: 'Toon' })).toBeVisible();
  const drawing = await page.locator('.tekening').boundingBox();
  const legend = await page.locator('#legendakop').boundingBox();
  expect((legend?.y ?? 0) - (drawing?.y ?? 0) - (drawing?.height ?? 0), 'the legend stands straight under the drawing').toBeLessThan(60);
  const value = await page.locator('table.buurten tbody .waarde').first().boundingBox();
  expect(value?.x ?? -1).toBeGreaterThanOrEqual(0);
  expect((value?.x ?? 0) + (value?.width ?? 999)).toBeLessThanOrEqual(360);
  await close();
});

test('with forced colours the swatches keep their fills', async ({ browser }) => {
  const { page, close } = await open(browser, address('nl', '/'), { forcedColors: 'active' });
  const fills = await page.locator('.legenda .teken').evaluateAll((all) => all.map((e) => getComputedStyle(e).backgroundColor + getComputedStyle(e).backgroundImage));
  expect(fills.length).toBe(5);
  expect(new Set(fills).size).toBe(fills.length);
  await close();
});

test('the keyboard can skip the neighbourhoods on the map', async ({ browser }) => {
  const { page, close } = await open(browser, address('nl', '/'), {});
  await page.locator('.kaartknop').focus();
  await page.keyboard.press('Tab');
  await expect(page.locator('.sla-over')).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('.legenda') !== null), 'focus is in the legend').toBe(true);
  await close();
});

/** Counts the colours in a picture of the canvas, in the browser itself. */
async function coloursOf(page: Page): Promise<number> {
  const picture = await page.locator('.beweegbaar canvas').screenshot();
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const pen = canvas.getContext('2d');
    if (!pen) return 0;
    pen.drawImage(bitmap, 0, 0);
    const { data } = pen.getImageData(0, 0, bitmap.width, bitmap.height);
    const counts = new Map<number, number>();
    for (let i = 0; i < data.length; i += 4) {
      const c = ((data[i] ?? 0) << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0);
      counts.set(c, (counts.get(c) ?? 0) + 1);
    }
    return [...counts.values()].filter((n) => n > (bitmap.width * bitmap.height) / 500).length;
  }, picture.toString('base64'));
}

for (const width of widths) {
  for (const lang of languages) {
    test(`the movable map comes to rest and shows areas, ${lang}, ${width} px`, async ({ browser }) => {
      const { page, faults, close } = await open(browser, address(lang, '/'), { viewport: { width, height: 900 } });
      await page.locator('.kaartknop').click();
      await expect(page.locator('html')).toHaveAttribute('data-kaart', 'klaar', { timeout: 60_000 });
      await expect(page.locator('.tekening')).toBeHidden();
      expect(await coloursOf(page)).toBeGreaterThan(2);
      await noAxeViolations(page);
      const zoom = page.locator('.maplibregl-ctrl-zoom-in');
      const box = await zoom.boundingBox();
      expect(Math.min(box?.width ?? 0, box?.height ?? 0), 'the zoom button can be hit').toBeGreaterThanOrEqual(24);
      if (process.env['SCHERMEN']) await page.screenshot({ path: `${process.env['SCHERMEN']}/beweegbaar-${lang}-${width}.png`, fullPage: false });

      await page.locator('.beweegbaar canvas').focus();
      const popup = page.locator('.maplibregl-popup');
      for (const key of ['Enter', 'ArrowRight', 'Enter', 'ArrowUp', 'Enter', 'ArrowLeft', 'Enter']) {
        if ((await popup.count()) > 0) break;
        await page.keyboard.press(key);
        await page.waitForTimeout(500);
      }
      await expect(popup.first()).toBeVisible();
      if (process.env['SCHERMEN']) await page.screenshot({ path: `${process.env['SCHERMEN']}/opgeklapt-${lang}-${width}.png`, fullPage: false });
      await page.keyboard.press('Escape');
      await expect(popup).toHaveCount(0);
      await expect(page.locator('.beweegbaar canvas')).toBeFocused();
      await page.keyboard.press('Enter');
      await popup.first().getByRole('link').click();
      await expect(page).toHaveURL(/\/buurt\/BU/);
      expect(faults).toEqual([]);
      await close();
    });
  }
}

test('the drawing comes back by the button, and stays when the data fails', async ({ browser }) => {
  const { page, close } = await open(browser, address('nl', '/'), {});
  await page.locator('.kaartknop').click();
  await expect(page.locator('html')).toHaveAttribute('data-kaart', 'klaar', { timeout: 60_000 });
  await page.locator('.kaartknop').click();
  await expect(page.locator('.tekening')).toBeVisible();
  await expect(page.locator('.beweegbaar')).toHaveCount(0);

  await page.route('**/kaart/gebieden.geojson*', (route) => route.fulfill({ status: 503, body: '' }));
  await page.locator('.kaartknop').click();
  await expect(page.locator('html')).toHaveAttribute('data-kaart', 'mislukt');
  await expect(page.locator('.tekening')).toBeVisible();
  await expect(page.locator('.kaartstatus')).toHaveText(/De tekening blijft staan/);
  await close();
});
