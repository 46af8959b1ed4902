import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';
import { address, languages, noAxeViolations, noSidewaysScroll, open, widths } from './site.ts';

const wijk = '/wijk/WK047911';

/** A box as a GeoJSON feature with the names that CBS files have. */
function box(code: string, name: string, west: number, south: number, east: number, north: number): object {
  const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
  return { type: 'Feature', properties: { statcode: code, statnaam: name }, geometry: { type: 'Polygon', coordinates: [ring] } };
}

// The schematic cells of the simulated town know no wijken. This file comes after
// the others: from here on the site has boundaries that were imported.
test.beforeAll(async () => {
  const { BUURTMETER_BIN: bin, BUURTMETER_E2E_DATA: data } = process.env;
  test.skip(!bin || !data, 'the site was started by somebody else');
  const file = join(data ?? '', 'vakken.geojson');
  await writeFile(file, JSON.stringify({
    type: 'FeatureCollection',
    features: [
      box('BU04791110', 'Zuidwest', 4.6, 52.35, 4.76, 52.46), box('BU04791120', 'Noordwest', 4.6, 52.46, 4.76, 52.6), box('BU04791210', 'Oost', 4.76, 52.35, 4.95, 52.6),
      box('WK047911', 'West', 4.6, 52.35, 4.76, 52.6), box('WK047912', 'Oost', 4.76, 52.35, 4.95, 52.6), box('GM0479', 'Zaanstad', 4.6, 52.35, 4.95, 52.6),
    ],
  }));
  await promisify(execFile)(bin ?? '', ['areas', 'import', file, '--year', '2016', '--data', data ?? '']);
  // The wijk is there with the next snapshot, its verdicts when its stations have sent.
  await expect.poll(async () => (await (await fetch(address('nl', wijk))).text()).includes('class="oordeel '), { timeout: 80_000 }).toBe(true);
});

// The template is that of a buurt, which is looked at in every language and width;
// here one of each is enough.
for (const [i, width] of widths.entries()) {
  for (const lang of languages.slice(i, i + 1)) {
    test(`the page of a wijk is accessible and leads up and down, ${lang}, ${width} px`, async ({ browser }) => {
      const { page, faults, close } = await open(browser, address(lang, wijk), { viewport: { width, height: 900 } });
      await expect(page.locator('h1')).toHaveCount(1);
      await page.locator('.oordeel details > summary').first().click();
      await noSidewaysScroll(page);
      await noAxeViolations(page);
      if (process.env['SCHERMEN']) await page.screenshot({ path: `${process.env['SCHERMEN']}/wijk-${lang}-${width}.png`, fullPage: true });
      await expect(page.locator('table.buurten tbody tr')).toHaveCount(2);
      await page.locator('table.buurten tbody a').first().click();
      await expect(page).toHaveURL(/\/buurt\/BU047911/);
      await page.locator('.kruimel a').nth(2).click();
      await expect(page).toHaveURL(/\/wijk\/WK047911/);
      await page.locator('.kruimel a').nth(1).click();
      await expect(page).toHaveURL(/\/gemeente\/GM0479/);
      await expect(page.locator('table.buurten tbody tr')).toHaveCount(3);
      await noSidewaysScroll(page);
      if (i === 0) await noAxeViolations(page); // a large page: once
      expect(faults).toEqual([]);
      await close();
    });
  }
}
