import { defineConfig } from '@playwright/test';

// The browser is the system's own Chromium; nothing is downloaded. Software
// rendering is asked for by name, because the fallback to it is deprecated.
export default defineConfig({
  testDir: './tests',
  globalSetup: './start.ts',
  timeout: 90_000,
  workers: 1,
  fullyParallel: false,
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    headless: true,
    locale: 'nl-NL',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--use-gl=angle',
        '--use-angle=swiftshader',
        '--enable-unsafe-swiftshader',
      ],
    },
  },
});
