// Builds what the portal serves: portal.css from src/, icons.svg from icons.json, the fonts, and the
// library that draws charts.
// `--check` builds beside it and fails where the committed files differ.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const served = join(here, "..", "controlplane", "static", "portal");

const FONTS = {
  "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-opsz-normal.woff2",
  "inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-opsz-normal.woff2",
  "inter-OFL.txt": "@fontsource-variable/inter/LICENSE",
  "jetbrains-mono-latin.woff2": "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
  "jetbrains-mono-latin-ext.woff2": "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-ext-wght-normal.woff2",
  "jetbrains-mono-OFL.txt": "@fontsource-variable/jetbrains-mono/LICENSE",
};

const CHARTS = { "uplot.js": "dist/uPlot.iife.min.js", "uplot.css": "dist/uPlot.min.css", "uplot-LICENSE.txt": "LICENSE" };

function styles(out) {
  const cli = join(modules, "@tailwindcss", "cli", "dist", "index.mjs");
  const target = join(out, "portal.css");
  execFileSync(process.execPath, [cli, "-i", join(here, "src", "portal.css"), "-o", target, "--minify"], { cwd: here, stdio: ["ignore", "ignore", "pipe"] });
}

function symbol(name, svg) {
  const inner = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner.replace(/\s*\n\s*/g, "").trim()}</symbol>`;
}

function sprite(out) {
  const names = JSON.parse(readFileSync(join(here, "icons.json"), "utf8"));
  const icons = names.map((name) => symbol(name, readFileSync(join(modules, "lucide-static", "icons", `${name}.svg`), "utf8")));
  icons.push(symbol("keep", readFileSync(join(here, "keep.svg"), "utf8")));
  const licence = "<!-- Icons but #keep: Lucide, ISC licence, https://lucide.dev/license -->";
  writeFileSync(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${licence}\n${icons.join("\n")}\n</svg>\n`);
}

function fonts(out) {
  mkdirSync(join(out, "fonts"), { recursive: true });
  for (const [name, source] of Object.entries(FONTS)) copyFileSync(join(modules, source), join(out, "fonts", name));
}

function charts(out) {
  for (const [name, source] of Object.entries(CHARTS)) copyFileSync(join(modules, "uplot", source), join(out, name));
}

function build(out) {
  mkdirSync(out, { recursive: true });
  styles(out);
  sprite(out);
  fonts(out);
  charts(out);
}

function drift(fresh) {
  const names = ["portal.css", "icons.svg", ...Object.keys(CHARTS), ...readdirSync(join(fresh, "fonts")).map((name) => join("fonts", name))];
  return names.filter((name) => !existsSync(join(served, name)) || !readFileSync(join(fresh, name)).equals(readFileSync(join(served, name))));
}

if (process.argv.includes("--check")) {
  const fresh = mkdtempSync(join(tmpdir(), "portal-assets-"));
  try {
    build(fresh);
    const changed = drift(fresh);
    if (changed.length > 0) {
      console.error(`Built files differ from the committed ones: ${changed.join(", ")}. Run \`make css\` and commit the result.`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
} else {
  build(served);
}
