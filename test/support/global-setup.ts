import path from 'node:path';
import { type Broker, startBroker } from './broker';
import { BROKER_VARIABLE } from './broker-client';

let broker: Broker | undefined;

export default async function globalSetup({ nonFlagArgs }: { nonFlagArgs: readonly string[] }): Promise<void> {
  broker = await startBroker(path.join(__dirname, '..', '..', 'test-output'));
  // Workers are started later and inherit it.
  process.env[BROKER_VARIABLE] = broker.socketPath;
  Object.assign(globalThis, { stopTestServers: () => broker?.stop() });
  // On a fresh machine they are installed first, which takes longer than the first test would wait for them.
  if (nonFlagArgs.length === 0) await broker.prepare();
}
