// npm run build: the sources as JavaScript in dist, and beside them what the pages are styled and helped with.
import { cpSync } from 'node:fs';
import path from 'node:path';
import { root } from './install.mjs';
import { runTool } from './tool.mjs';

process.exitCode = await runTool('typescript', ['-p', path.join(root, 'tsconfig.build.json')]);
const assets = path.join('pages', 'assets');
cpSync(path.join(root, 'src', assets), path.join(root, 'dist', assets), { recursive: true });
