// Bundles src/ into ../app/pages/, which is committed: a machine with only Python serves it.
// The rule: every file but the three pages, the licences and the list of sources carries the hash of its content in its name.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { build } from "esbuild";

const HERE = import.meta.dirname;
const PAGES = join(HERE, "../app/pages");

const shared = {
  absWorkingDir: HERE,
  outdir: PAGES,
  bundle: true,
  minify: true,
  metafile: true,
  target: "es2022",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  // LICENSES.txt has them all, in full.
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
};

const WORKERS = {
  editor: "monaco-editor/esm/vs/editor/editor.worker.js",
  graphql: "monaco-graphql/esm/graphql.worker.js",
  json: "monaco-editor/esm/vs/language/json/json.worker.js",
};

const styles = {
  name: "styles",
  setup({ onLoad }) {
    // GraphiQL's own sheet holds Monaco's too; what Monaco's modules import would be a second copy.
    onLoad({ filter: /monaco-editor\/.*\.css$/ }, () => ({ contents: "", loader: "empty" }));
    onLoad({ filter: /graphiql\/dist\/style\.css$/ }, ({ path }) => ({
      contents: withoutInlineFonts(readFileSync(path, "utf8")),
      loader: "css",
      resolveDir: HERE,
    }));
  },
};

// People's own fonts serve as well as 400 kB of Roboto and Fira Code. The icons stay, as a file, so that the
// Content-Security-Policy needs no data: fonts.
function withoutInlineFonts(css) {
  const icons = 'url("monaco-editor/esm/vs/base/browser/ui/codicons/codicon/codicon.ttf")';
  return css
    .replace(/@font-face\s*\{[^}]*(Roboto|Fira Code)[^}]*\}/g, "")
    .replace(/url\(data:font\/ttf;[^)]*\)/g, icons);
}

/** The built name of each entry point: {"graphiql.jsx": "graphiql-ABC.js"}. */
function names(metafile) {
  const entries = Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint);
  return Object.fromEntries(entries.map(([path, output]) => [basename(output.entryPoint), basename(path)]));
}

function page(name, built) {
  const html = readFileSync(join(HERE, "src", name), "utf8");
  const linked = html.replace(/(href|src)="([\w-]+\.(?:jsx|css|svg))"/g, (_, attribute, source) => {
    if (!built[source]) throw new Error(`${name}: expected a built ${source}, but got ${Object.keys(built)}`);
    return `${attribute}="/pages/${built[source]}"`;
  });
  writeFileSync(join(PAGES, name), linked);
}

// Packages published without their licence file; the same authors publish it with the package named here.
const LICENSED_AS = {
  "@graphiql/plugin-doc-explorer": "graphiql",
  "@graphiql/plugin-history": "graphiql",
  "react-compiler-runtime": "react",
  "react-remove-scroll-bar": "react-remove-scroll",
};

function packageOf(path) {
  return path.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
}

function notices(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const source = LICENSED_AS[name] ? join(HERE, "node_modules", LICENSED_AS[name]) : folder;
  const files = readdirSync(source).filter((file) => /^(licen[cs]e|copyright|notice|third-?party)/i.test(file));
  if (files.length === 0) throw new Error(`${name}: expected a licence file, but got none; see LICENSED_AS`);
  const texts = files.sort().map((file) => readFileSync(join(source, file), "utf8").replace(/\r/g, "").trim());
  return `${name} ${version} (${license})\n\n${texts.join("\n\n")}\n`;
}

function licences(metafiles) {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const folders = [...new Set(inputs.map(packageOf).filter(Boolean))].sort();
  const intro = "What the pages in this folder are made of, and under which licences.\n";
  const rule = `\n${"-".repeat(80)}\n\n`;
  writeFileSync(join(PAGES, "LICENSES.txt"), [intro, ...folders.map((folder) => notices(join(HERE, folder)))].join(rule));
}

/** In the format of sha256sum, so that a test without Node sees that the built files are of these sources. */
function sources() {
  const inSrc = readdirSync(join(HERE, "src"), { recursive: true }).filter(extname).sort();
  const files = ["build.mjs", "package.json", "package-lock.json", ...inSrc.map((file) => `src/${file}`)];
  const lines = files.map((file) => `${createHash("sha256").update(readFileSync(join(HERE, file))).digest("hex")}  ${file}\n`);
  writeFileSync(join(PAGES, "SOURCES.sha256"), lines.join(""));
}

rmSync(PAGES, { recursive: true, force: true });
mkdirSync(PAGES, { recursive: true });

const workers = await build({ ...shared, entryPoints: Object.values(WORKERS), format: "iife" });
const workerNames = names(workers.metafile);
const workerOf = Object.fromEntries(Object.entries(WORKERS).map(([label, path]) => [label, workerNames[basename(path)]]));

const pages = await build({
  ...shared,
  entryPoints: ["graphiql.jsx", "graphiql.css", "login.css", "icon.svg"].map((file) => join("src", file)),
  format: "esm",
  splitting: true,
  jsx: "automatic",
  loader: { ".graphql": "text", ".svg": "copy", ".ttf": "file" },
  define: { ...shared.define, WORKERS: JSON.stringify(workerOf) },
  // The old names lead to CommonJS, whose parsers a dynamic import does not see: Prettify would do nothing.
  alias: { "prettier/parser-babel": "prettier/plugins/babel", "prettier/parser-graphql": "prettier/plugins/graphql" },
  plugins: [styles],
});

page("graphiql.html", names(pages.metafile));
page("login.html", names(pages.metafile));
page("connect.html", names(pages.metafile));
licences([workers.metafile, pages.metafile]);
sources();
