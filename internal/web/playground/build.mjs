// Bundles the scripts of /playground and /api/redoc into ../dist, with the
// licences of everything bundled. The same lockfile gives the same bytes:
// nothing here depends on the time, the machine or the order of files on disk.
import { build } from 'esbuild';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, '..', 'dist');
const examples = path.join(here, '..', '..', '..', 'docs', 'graphql');

// Each page is one script and at most one style sheet; the server puts the
// content hash into their addresses.
const PAGES = [
  { entry: 'src/playground/index.jsx', out: 'playground/playground' },
  { entry: 'src/redoc/index.jsx', out: 'redoc/redoc' },
];

// Small changes to packages that would otherwise break the pages' policy of no
// inline styles and no other host. A change that no longer fits fails the build.
const REWRITES = [
  {
    file: /styled-components\.browser\.(cjs|esm)\.js$/,
    loader: 'js',
    changes: [
      {
        // Rules go into a constructed style sheet in place of a <style> element.
        from: /this\.element=\w+\(\w+\),this\.element\.appendChild\(document\.createTextNode\(""\)\),this\.sheet=function\(\w+\)\{.*?\}\(this\.element\),this\.length=0/g,
        to: 'this.sheet=new CSSStyleSheet(),document.adoptedStyleSheets=[...document.adoptedStyleSheets,this.sheet],this.length=0',
        times: 1,
      },
    ],
  },
  {
    file: /redoc\.browser\.lib\.js$/,
    loader: 'js',
    changes: [
      {
        // The one style sheet within (of its scroll bars) is imported by our entry.
        from: /var t=e\.insertStyleElement\(e\);return\{update:/g,
        to: 'return{update(){},remove(){}};var t;return{update:',
        times: 1,
      },
      {
        // The attribution stays; its picture would come from a content network.
        from: /https:\/\/cdn\.redoc\.ly\/redoc\/logo-mini\.svg/g,
        to: "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>",
        times: 1,
      },
    ],
  },
  {
    file: /graphiql\/dist\/style\.css$/,
    loader: 'css',
    changes: [
      {
        // Two web fonts are nine tenths of the style sheet; the page sets its own.
        from: /@font-face\s*\{[^}]*\}/g,
        to: '',
        times: 34,
      },
    ],
  },
];

const rewrite = {
  name: 'rewrite',
  setup(bundle) {
    for (const { file, loader, changes } of REWRITES) {
      bundle.onLoad({ filter: file }, async ({ path: name }) => {
        let contents = await readFile(name, 'utf8');
        for (const { from, to, times } of changes) {
          const found = contents.match(from)?.length ?? 0;
          if (found !== times) throw new Error(`${name}: ${found} places match ${from}, not ${times}`);
          contents = contents.replace(from, () => to);
        }
        return { contents, loader };
      });
    }
  },
};

// exampleDocuments makes a module of the documents that are documented and
// tested: adding a tab to the playground is adding a file to docs/graphql.
const exampleDocuments = {
  name: 'example-documents',
  setup(bundle) {
    bundle.onResolve({ filter: /^example-documents$/ }, ({ path: name }) => ({ path: name, namespace: 'example-documents' }));
    bundle.onLoad({ filter: /.*/, namespace: 'example-documents' }, async () => {
      const names = (await readdir(examples)).filter((name) => name.endsWith('.graphql')).sort();
      const texts = await Promise.all(names.map((name) => readFile(path.join(examples, name), 'utf8')));
      return { contents: JSON.stringify(texts), loader: 'json' };
    });
  },
};

async function bundle({ entry, out }) {
  const result = await build({
    absWorkingDir: here,
    entryPoints: [{ in: entry, out }],
    outdir: '../dist',
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['chrome109', 'firefox115', 'safari16.4'],
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: { 'react-style-singleton': './src/shims/react-style-singleton.js' },
    plugins: [rewrite, exampleDocuments],
    legalComments: 'none',
    charset: 'utf8',
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(result.metafile.inputs);
}

// packageOf names the folder of the package a bundled file belongs to.
function packageOf(file) {
  return file.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
}

async function licenceOf(folder) {
  const manifest = JSON.parse(await readFile(path.join(here, folder, 'package.json'), 'utf8'));
  const files = (await readdir(path.join(here, folder))).sort();
  const licence = files.filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  // Redoc arrives partly bundled and names what is inside beside the bundle.
  if (manifest.name === 'redoc') {
    const bundles = (await readdir(path.join(here, folder, 'bundles'))).sort();
    licence.push(...bundles.filter((name) => name.endsWith('LICENSE.txt')).map((name) => `bundles/${name}`));
  }
  const texts = await Promise.all(licence.map((name) => readFile(path.join(here, folder, name), 'utf8')));
  return {
    name: `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})`,
    text: texts.map((text) => text.replace(/\r\n/g, '\n').trim()).join('\n\n') || author(manifest),
  };
}

function author({ author: person, homepage, license }) {
  const name = typeof person === 'string' ? person : person?.name;
  return [`The package carries no licence file; its manifest says ${license}.`, name, homepage]
    .filter(Boolean)
    .join('\n');
}

async function writeLicences(inputs) {
  const folders = [...new Set(inputs.map(packageOf).filter(Boolean))].sort();
  const licences = await Promise.all(folders.map(licenceOf));
  const byText = new Map();
  for (const { name, text } of licences) byText.set(text, [...(byText.get(text) ?? []), name]);
  const rule = '='.repeat(78);
  const parts = [...byText].map(([text, names]) => [rule, ...names.sort(), rule, '', text, ''].join('\n'));
  const head = 'Licences of the packages bundled into the scripts of /playground and /api/redoc.\n';
  await writeFile(path.join(dist, 'THIRD_PARTY_LICENSES'), [head, ...parts].join('\n'));
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
const inputs = (await Promise.all(PAGES.map(bundle))).flat();
await writeLicences(inputs);
