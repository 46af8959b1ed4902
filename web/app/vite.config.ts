import { defineConfig } from 'vite';
import { dropUnusedVariables } from './build/drop-unused-variables.ts';

// One entry for every page. The Go program reads the manifest and writes the
// script and style tags itself. public/.gitkeep is copied along, so that the
// folder that Go embeds is never empty.
export default defineConfig({
  base: '/',
  plugins: [dropUnusedVariables()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    manifest: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1300,
    rollupOptions: { input: 'src/main.ts' },
  },
});
