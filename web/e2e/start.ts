import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long the program may take to show its first whole page, in milliseconds. */
const patience = 180_000;

/** The address that the program prints, once its first whole page is there. */
async function answers(child: ChildProcess, log: () => string): Promise<string> {
  const end = Date.now() + patience;
  let base = '';
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`the program ended with code ${child.exitCode}:\n${log()}`);
    base ||= /http:\/\/127\.0\.0\.1:\d+(?=\s)/.exec(log())?.[0] ?? '';
    const page = base ? await fetch(`${base}/`).catch(() => undefined) : undefined;
    // Before the first snapshot the page is 503; a page with a map is whole.
    if (page?.ok && (await page.text()).includes('class="tekening"')) return base;
    await new Promise((r) => setTimeout(r, 500));
  }
  throw new Error(`no map page at ${base || 'an address that was printed'} within ${patience / 1000} s:\n${log()}`);
}

/**
 * Uses the site at BASE_URL, or starts the program BUURTMETER_BIN with a
 * simulated fleet in a folder of its own and stops it afterwards.
 */
export default async function start(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['BASE_URL']) return undefined;
  const bin = process.env['BUURTMETER_BIN'];
  if (!bin) throw new Error('set BASE_URL to a running site, or BUURTMETER_BIN to the program');
  const data = await mkdtemp(join(tmpdir(), 'buurtmeter-e2e-'));
  process.env['BUURTMETER_E2E_DATA'] = data;
  const child = spawn(bin, ['demo', '--data', data, '--http', '127.0.0.1:0', '--mqtt-listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const keep = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-8_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((r) => child.once('exit', r));
      child.kill('SIGTERM');
      await ended;
    }
    await rm(data, { recursive: true, force: true });
  };
  try {
    process.env['BASE_URL'] = await answers(child, () => log);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
