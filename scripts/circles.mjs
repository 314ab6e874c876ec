// Names every circle of imports below src and fails if there is one. Imports of types count: knip's own search for
// circles leaves them out, but files in such a circle can only be read together.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { root } from './install.mjs';

const files = readdirSync(path.join(root, 'src'), { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => path.join(root, 'src', name));
const known = new Set(files);

function importsOf(file) {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => path.resolve(path.dirname(file), fileName))
    .map((target) => [`${target}.ts`, path.join(target, 'index.ts')].find((one) => known.has(one)))
    .filter((target) => target !== undefined);
}

const circles = [];
const done = new Set();

function follow(file, trail) {
  const at = trail.indexOf(file);
  if (at !== -1) circles.push([...trail.slice(at), file]);
  if (at !== -1 || done.has(file)) return;
  for (const target of importsOf(file)) follow(target, [...trail, file]);
  done.add(file);
}

for (const file of files) follow(file, []);
for (const circle of circles) console.log(circle.map((file) => path.relative(root, file)).join(' -> '));
if (circles.length > 0) process.exitCode = 1;
