/** What a test file was given, handed from the file's own world to the environment that runs it. */
export interface CreatedStores {
  readonly databases: string[];
  readonly prefixes: string[];
}

const KEY = Symbol.for('upslink.test.createdStores');

export function createdStores(world: object = globalThis): CreatedStores {
  const holder = world as { [KEY]?: CreatedStores };
  return (holder[KEY] ??= { databases: [], prefixes: [] });
}
