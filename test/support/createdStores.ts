/** The databases and prefixes of a test file, shared between its sandboxed global and the environment that runs it. */
export interface CreatedStores {
  readonly databases: string[];
  readonly prefixes: string[];
}

const KEY = Symbol.for('upslink.test.createdStores');

export function createdStores(world: object = globalThis): CreatedStores {
  const holder = world as { [KEY]?: CreatedStores };
  return (holder[KEY] ??= { databases: [], prefixes: [] });
}
