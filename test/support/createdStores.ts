/** What a test file was given, handed from the file's own world to the environment that runs it. */
export interface Opened {
  readonly databases: string[];
  readonly prefixes: string[];
}

const KEY = Symbol.for('upslink.test.opened');

export function opened(world: object = globalThis): Opened {
  const holder = world as { [KEY]?: Opened };
  return (holder[KEY] ??= { databases: [], prefixes: [] });
}
