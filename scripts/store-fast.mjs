// npm run store:fast: builds the fast store for development, tests and benchmarks, once per machine and user.
import { createRequire } from 'node:module';
import { ensureDependencies } from './install.mjs';

await ensureDependencies();
const require = createRequire(import.meta.url);
require('tsx/cjs');
await require('../src/dev/store-fast.ts').main();
