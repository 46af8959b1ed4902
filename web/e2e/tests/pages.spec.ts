import { expect, test } from '@playwright/test';
import { address, buurten, languages, noAxeViolations, noSidewaysScroll, open, widths } from './site.ts';

for (const width of widths) {
  for (const lang of languages) {
    test(`every page is accessible and quiet, ${lang}, ${width} px`, async ({ browser }) => {
      const options = { viewport: { width, height: 900 } };
      const first = await open(browser, address(lang, '/'), options);
      const { measured, empty } = await buurten(first.page);
      const station = await stationOf(first.page.url(), measured, lang, first.page);
      await first.close();
      const paths: Record<string, string> = {
        kaart: '/',
        buurt: measured,
        meetpunt: station,
        aansluiten: '/aansluiten',
        methode: '/methode',
        data: '/data',
        privacy: '/privacy',
      };
      if (empty) paths['leeg'] = empty;
      for (const [name, path] of Object.entries(paths)) {
        await test.step(name, async () => {
          const { page, faults, close } = await open(browser, address(lang, path), options);
          expect(await page.locator('html').getAttribute('lang')).toBe(lang);
          await expect(page.locator('h1')).toHaveCount(1);
          await noSidewaysScroll(page);
          await noAxeViolations(page);
          if (process.env['SCHERMEN']) await page.screenshot({ path: `${process.env['SCHERMEN']}/${name}-${lang}-${width}.png`, fullPage: true });
          expect(faults).toEqual([]);
          await close();
        });
      }
    });
  }
}

async function stationOf(_: string, buurt: string, lang: 'nl' | 'en', page: import('@playwright/test').Page): Promise<string> {
  await page.goto(address(lang, buurt));
  const href = await page.locator('.meetpunten a').first().getAttribute('href');
  return (href ?? '').replace(/^\/en/, '');
}

test('an unknown page gets the designed error page', async ({ browser }) => {
  const { page, close } = await open(browser, address('nl', '/bestaat-niet'), { viewport: { width: 360, height: 800 } });
  await expect(page.locator('h1')).toHaveText('Deze pagina bestaat niet');
  await noAxeViolations(page);
  await close();
});

test('the language switch leads to the same page', async ({ browser }) => {
  const { page, close } = await open(browser, address('nl', '/methode'), {});
  await page.locator('.taal').click();
  await expect(page).toHaveURL(/\/en\/methode$/);
  await expect(page.locator('h1')).toHaveText('How a verdict is made');
  await close();
});

test('the skip link is the first stop of the keyboard and leads to the content', async ({ browser }) => {
  const { page, close } = await open(browser, address('nl', '/'), {});
  await page.keyboard.press('Tab');
  await expect(page.locator('.overslaan')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
  await close();
});
