// Bundles each component of src/ into dist/, licences inline, and records a hash of the sources that tests compare.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const scripts = (folder) => readdirSync(folder).filter((name) => name.endsWith(".js")).sort().map((name) => `${folder}/${name}`);
const components = scripts("src");
const result = await build({
  entryPoints: components,
  outdir: "dist",
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "inline",
  metafile: true,
});
const hash = createHash("sha256");
for (const name of [...components, ...scripts("src/bench"), ...scripts("src/lib"), "build.mjs", "package.json", "package-lock.json"]) hash.update(readFileSync(name));
writeFileSync("dist/sources.sha256", hash.digest("hex") + "\n");

const packages = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const match = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/);
  if (match) packages.add(match[1]);
}
const licences = [...packages].sort().map((name) => {
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"].map((f) => `node_modules/${name}/${f}`).find(existsSync);
  const about = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  return `${name} ${about.version} (${about.license})\n\n${file ? readFileSync(file, "utf8").trim() : "no licence file in the package"}\n`;
});
writeFileSync("dist/LICENSES.txt", licences.join("\n" + "-".repeat(80) + "\n\n"));
