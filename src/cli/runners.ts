/* eslint-disable @typescript-eslint/no-require-imports --
 * Loaded when its command runs. `import()` would stay an ES import in CommonJS output, which finds no file without its
 * extension; `require` finds the source under tsx and the built file in an image alike. */

/** What each command runs, by name. */
export const runners = {
  serve: () => require('./serve') as typeof import('./serve'),
  sandbox: () => require('./sandbox') as typeof import('./sandbox'),
  doctor: () => require('./doctor') as typeof import('./doctor'),
  adopt: () => require('./adopt') as typeof import('./adopt'),
  tenant: () => require('./tenant') as typeof import('./tenant'),
  apiKey: () => require('./api-key') as typeof import('./api-key'),
  list: () => require('./accounts/list') as typeof import('./accounts/list'),
  show: () => require('./accounts/show') as typeof import('./accounts/show'),
  history: () => require('./accounts/history') as typeof import('./accounts/history'),
  explain: () => require('./accounts/explain') as typeof import('./accounts/explain'),
  erase: () => require('./accounts/erase') as typeof import('./accounts/erase'),
  importKeys: () => require('./access-keys/import') as typeof import('./access-keys/import'),
  reseal: () => require('./keys/reseal') as typeof import('./keys/reseal'),
  preview: () => require('./machine/preview') as typeof import('./machine/preview'),
  replay: () => require('./accounts/replay') as typeof import('./accounts/replay'),
};
