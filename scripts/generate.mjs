// npm run generate: writes the files under docs that are made from the code. With --check it writes nothing, names what
// differs from the code, and fails if anything does.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { require as requireTypeScript } from 'tsx/cjs/api';
import { root } from './install.mjs';

const { generated } = requireTypeScript('../src/api/generate.ts', import.meta.url);
const options = JSON.parse(readFileSync(path.join(root, '.prettierrc.json'), 'utf8'));
const files = {};
for (const [name, text] of Object.entries(generated()))
  files[name] = name.endsWith('.md') ? await format(text, { ...options, filepath: name }) : text;

const isCheck = process.argv.includes('--check');
const differing = Object.entries(files).filter(([name, text]) => {
  const file = path.join(root, name);
  return !existsSync(file) || readFileSync(file, 'utf8') !== text;
});
for (const [name, text] of isCheck ? [] : differing) writeFileSync(path.join(root, name), text);
for (const [name] of differing)
  console.log(isCheck ? `${name} is not what the code says: run npm run generate` : `wrote ${name}`);
if (isCheck && differing.length > 0) process.exitCode = 1;
