/** Puts the page into one HTML file, which is what LangBot serves: `node build.js TARGET`. */

import { readFile, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

const HERE = import.meta.dirname;
const STYLE = '<link rel="stylesheet" href="style.css">';
const SCRIPT = '<script type="module" src="main.js"></script>';

/** @param {string} entry */
async function bundled(entry) {
  const { outputFiles } = await build({
    entryPoints: [`${HERE}/${entry}`],
    bundle: true,
    charset: 'utf8',
    format: 'iife',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0].text;
}

const [target] = process.argv.slice(2);
const shell = await readFile(`${HERE}/index.html`, 'utf8');
const [head, body, end] = shell.split(new RegExp(`${STYLE}|${SCRIPT}`));
const [style, script] = [await bundled('style.css'), await bundled('main.js')];
await writeFile(target, `${head}<style>\n${style}</style>${body}<script>\n${script}</script>${end}`);
