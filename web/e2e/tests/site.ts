import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, expect, type Page } from '@playwright/test';

export const widths = [360, 1280] as const;
export const languages = ['nl', 'en'] as const;
export type Language = (typeof languages)[number];

export function base(): string {
  const url = process.env['BASE_URL'];
  if (!url) throw new Error('BASE_URL is not set');
  return url;
}

export function address(lang: Language, path: string): string {
  return base() + (lang === 'nl' ? path : `/en${path}`);
}

/** A page that remembers everything that went wrong in it. */
export interface Watched {
  page: Page;
  faults: string[];
  close: () => Promise<void>;
}

/** Opens a page and notes console errors, failed scripts and policy violations. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions): Promise<Watched> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (m) => {
    if (m.type() === 'error' || m.type() === 'warning') faults.push(`${m.type()}: ${m.text()}`);
  });
  page.on('pageerror', (e) => faults.push(`script: ${e.message}`));
  page.on('response', (r) => {
    if (r.status() >= 400 && r.url() !== url) faults.push(`${r.status()}: ${r.url()}`);
  });
  if (options.javaScriptEnabled !== false) {
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (e) => {
        console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`);
      });
    });
  }
  await page.goto(url, { waitUntil: 'load' });
  return { page, faults, close: () => context.close() };
}

/** The path of the first neighbourhood with a verdict, and of one without a station. */
export async function buurten(page: Page): Promise<{ measured: string; empty: string | undefined }> {
  const rows = await page.locator('table.buurten tbody tr').evaluateAll((trs) =>
    trs.map((tr) => ({
      href: tr.querySelector('a')?.getAttribute('href') ?? '',
      points: Number(tr.lastElementChild?.textContent ?? '0'),
    })),
  );
  const path = (href: string) => href.replace(/^\/en/, '');
  rows.sort((a, b) => b.points - a.points);
  const measured = rows[0];
  if (!measured || measured.points === 0) throw new Error('no neighbourhood has a station');
  const empty = rows.find((r) => r.points === 0);
  return { measured: path(measured.href), empty: empty && path(empty.href) };
}

export async function noAxeViolations(page: Page): Promise<void> {
  const found = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const lines = found.violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.map((n) => n.html.slice(0, 200)).join('\n  ')}`);
  expect(lines).toEqual([]);
  expect(found.passes.length).toBeGreaterThan(15);
}

/** Nothing may stick out sideways: the page itself never scrolls horizontally. */
export async function noSidewaysScroll(page: Page): Promise<void> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over, 'the page scrolls sideways').toBeLessThanOrEqual(0);
}
