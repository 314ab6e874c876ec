/** A program that speaks MongoDB's wire protocol and can be started on a folder. */
export interface Engine {
  /** What a data folder remembers. */
  readonly id: 'mongod' | 'mongodb-memory-server' | 'secantus-rs' | 'secantus-py';
  /** For people, with its version where it is pinned. */
  readonly name: string;
  readonly program: string;
  readonly args: (at: { port: number; data: string }) => readonly string[];
}

export const mongodArgs: Engine['args'] = ({ port, data }) => [
  ...['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1'],
  // Many of them may run beside each other on a developer's machine.
  ...['--wiredTigerCacheSizeGB', '0.5', '--quiet'],
];
