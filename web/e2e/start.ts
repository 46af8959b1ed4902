import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long the program may take to show its first whole page, in milliseconds. */
const patience = 180_000;

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('no free port'));
      });
    });
  });
}

async function answers(base: string, child: ChildProcess, log: () => string): Promise<void> {
  const end = Date.now() + patience;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`the program ended with code ${child.exitCode}:\n${log()}`);
    const page = await fetch(`${base}/`).catch(() => undefined);
    // Before the first snapshot the page is 503; a page with a map is whole.
    if (page?.ok && (await page.text()).includes('class="tekening"')) return;
    await new Promise((r) => setTimeout(r, 500));
  }
  throw new Error(`no map page at ${base} within ${patience / 1000} s:\n${log()}`);
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
  const [http, mqtt] = [await freePort(), await freePort()];
  const child = spawn(bin, ['demo', '--data', data, '--http', `127.0.0.1:${http}`, '--mqtt-listen', `127.0.0.1:${mqtt}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const keep = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-8_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const base = `http://127.0.0.1:${http}`;
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((r) => child.once('exit', r));
      child.kill('SIGTERM');
      await ended;
    }
    await rm(data, { recursive: true, force: true });
  };
  try {
    await answers(base, child, () => log);
  } catch (error) {
    await stop();
    throw error;
  }
  process.env['BASE_URL'] = base;
  return stop;
}
