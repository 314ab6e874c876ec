// npm start: installs what is missing, then src/dev/start.ts, in this same process: one process to signal and to kill.
import { createRequire } from 'node:module';
import { ensureDependencies } from './install.mjs';
import { warningFor } from './node-versions.mjs';

const warning = warningFor(process.versions.node, Date.now());
if (warning !== null) console.error(warning);
await ensureDependencies();
const require = createRequire(import.meta.url);
require('tsx/cjs');
await require('../src/dev/start.ts').main();
