import type { Plugin } from 'vite';

/** A declaration of a custom property: where it stands and what it refers to. */
interface Declaration {
  start: number;
  end: number;
  name: string;
  refers: string[];
}

const reference = /var\(\s*(--[\w-]+)/g;

function references(text: string): string[] {
  return [...text.matchAll(reference)].map((m) => m[1] ?? '');
}

/**
 * Finds the declarations of custom properties in minified or plain CSS. Text in
 * strings, comments and brackets is passed over.
 */
function declarations(css: string): Declaration[] {
  const found: Declaration[] = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < css.length; i++) {
    const c = css.charAt(i);
    if (c === '"' || c === "'") {
      for (i++; i < css.length && css.charAt(i) !== c; i++) if (css.charAt(i) === '\\') i++;
    } else if (c === '/' && css.charAt(i + 1) === '*') {
      const close = css.indexOf('*/', i + 2);
      i = close < 0 ? css.length : close + 1;
      if (css.slice(start, i + 1).trim().startsWith('/*')) start = i + 1;
    } else if (c === '(' || c === '[') {
      depth++;
    } else if (c === ')' || c === ']') {
      depth--;
    } else if (depth === 0 && (c === ';' || c === '{' || c === '}')) {
      const text = css.slice(start, i);
      const m = /^\s*(--[\w-]+)\s*:/.exec(text);
      if (m?.[1] !== undefined && c !== '{') {
        found.push({ start, end: c === ';' ? i + 1 : i, name: m[1], refers: references(text) });
      }
      start = i + 1;
    }
  }
  return found;
}

/** Drops every custom property that no other declaration reaches, directly or through others. */
export function drop(css: string, kept: readonly string[]): string {
  const all = declarations(css);
  const refers = new Map<string, string[]>();
  let rest = '';
  let at = 0;
  for (const d of all) {
    rest += css.slice(at, d.start);
    at = d.end;
    refers.set(d.name, [...(refers.get(d.name) ?? []), ...d.refers]);
  }
  rest += css.slice(at);

  const used = new Set<string>();
  const queue = [...references(rest), ...kept];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (used.has(name)) continue;
    used.add(name);
    queue.push(...(refers.get(name) ?? []));
  }

  let out = '';
  at = 0;
  for (const d of all) {
    out += css.slice(at, d.start);
    if (used.has(d.name)) out += css.slice(d.start, d.end);
    at = d.end;
  }
  return out + css.slice(at);
}

/**
 * The theme declares thousands of design tokens, of which a page uses a few
 * hundred. This plugin keeps those that some declaration reaches; names that
 * only scripts read are given as kept.
 */
export function dropUnusedVariables(kept: readonly string[] = ['--vlak', '--inkt']): Plugin {
  return {
    name: 'drop-unused-variables',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'asset' || !file.fileName.endsWith('.css')) continue;
        const css = typeof file.source === 'string' ? file.source : new TextDecoder().decode(file.source);
        file.source = drop(css, kept);
      }
    },
  };
}
