// The layers of src and what each may import: nothing else is allowed. A layer may use itself and those it names, which
// stand above it in this list, so that every arrow points up.
const LEAVES = ['leaf', 'addresses'];
const HEART = ['machines', 'durable', 'db'];

/** `files` below src; `uses`: layers; `packages`: from the registry; `node: false`: no module of Node either. */
const layers = [
  // Every layer may use it.
  { name: 'durations', files: 'durations.ts', node: false },
  // A file beside the folders is a leaf unless it is named elsewhere.
  {
    name: 'leaf',
    files: '!(durations|config|listen|links|linkCookies|usable|composition|http|main).ts',
    packages: ['mongoose'],
  },
  { name: 'addresses', files: 'addresses/**', packages: ['iso-3166'], node: false },
  { name: 'web', files: 'web/**', packages: ['express'] },
  { name: 'sandbox', files: 'sandbox/**', uses: LEAVES, packages: ['express', 'zod'] },
  { name: 'config', files: '{config,listen}.ts', uses: ['leaf'], packages: ['zod'] },
  { name: 'machines', files: 'machines/**', packages: ['xstate'], node: false },
  // The runtime knows no account, no UPS, no MongoDB and no Redis.
  { name: 'durable', files: 'durable/**', uses: ['leaf'], packages: ['xstate'], node: false },
  { name: 'db', files: 'db/**', uses: ['leaf', 'machines', 'durable'], packages: ['lru-cache', 'mongoose', 'xstate'] },
  { name: 'ups', files: 'ups/**', uses: LEAVES, packages: ['prom-client', 'undici', 'zod'] },
  { name: 'links', files: '{links,linkCookies}.ts', uses: ['leaf', 'config', 'machines', 'db', 'ups'] },
  {
    name: 'workers',
    files: 'workers/**',
    uses: ['leaf', ...HEART, 'ups'],
    packages: ['bullmq', 'ioredis', 'lru-cache', 'pino', 'prom-client', 'zod'],
  },
  { name: 'campaigns', files: 'campaigns/**', uses: ['leaf', 'config', ...HEART, 'links', 'workers'] },
  {
    name: 'api',
    files: 'api/**',
    uses: [...LEAVES, 'web', 'config', ...HEART, 'ups', 'links', 'workers', 'campaigns'],
    packages: [
      '@bull-board/api',
      '@bull-board/express',
      '@dagrejs/dagre',
      'bullmq',
      'csv-parse',
      'csv-stringify',
      'express',
      'helmet',
      'lru-cache',
      'pino',
      'prom-client',
      'zod',
    ],
  },
  { name: 'pages', files: 'pages/**', uses: [...LEAVES, 'web', ...HEART, 'api'], packages: ['express', 'zod'] },
  {
    name: 'composition',
    files: '{usable,composition}.ts',
    uses: ['leaf', 'config', ...HEART, 'ups', 'workers', 'campaigns'],
    packages: ['pino'],
  },
  {
    name: 'main',
    files: '{http,main}.ts',
    uses: ['leaf', 'config', ...HEART, 'workers', 'campaigns', 'api', 'pages', 'composition'],
    packages: ['express', 'helmet', 'pino'],
  },
  {
    name: 'cli',
    files: 'cli/**',
    uses: ['leaf', 'sandbox', 'config', ...HEART, 'ups', 'workers', 'api', 'composition', 'main'],
    packages: ['commander', 'mongoose', 'pino', 'zod'],
  },
  {
    name: 'dev',
    files: 'dev/**',
    uses: ['leaf', 'config', 'db', 'ups'],
    packages: ['mongodb-memory-server', 'mongoose', 'redis-memory-server', 'tsx', 'zod'],
  },
];

const inLayers = (names) => ({ file: { categories: { anyOf: names } } });

const policyOf = ({ name, uses = [], packages = [], node = true }) => ({
  from: inLayers([name]),
  allow: [
    { to: inLayers([name, 'durations', ...uses]) },
    ...(packages.length > 0 ? [{ to: { module: { origin: 'external', source: packages } } }] : []),
    ...(node ? [{ to: { module: { origin: 'core' } } }] : []),
  ],
});

export const boundarySettings = {
  'boundaries/files': layers.map(({ name, files }) => ({ category: name, pattern: `src/${files}` })),
  'boundaries/dependency-nodes': ['import', 'dynamic-import', 'require', 'export'],
  'import/resolver': { node: { extensions: ['.ts', '.json'] } },
};

export const boundaryRules = {
  // `checkAllOrigins`: packages and modules of Node too. `checkUnknownLocals`: files in no layer, and files that do not exist.
  'boundaries/dependencies': [
    'error',
    { default: 'disallow', checkAllOrigins: true, checkUnknownLocals: true, policies: layers.map(policyOf) },
  ],
  'boundaries/no-unknown-files': 'error',
};
