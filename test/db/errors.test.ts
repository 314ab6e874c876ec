import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { makeStore } from '../../src/db/accounts';
import { answered } from '../../src/db/errors';
import { StoreUnavailable } from '../../src/durable/errors';
import { sampleDocument } from '../durable/samples';

/** What Node says of a write to a connection that the server has ended: the driver passes it on as it is. */
async function writeAfterEnd(): Promise<Error> {
  const server = net.createServer((socket) => void socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
  socket.on('error', () => undefined);
  await once(socket, 'end');
  socket.end();
  const error = await new Promise<Error>((resolve) =>
    socket.write('a command', (refused) => resolve(refused as Error)),
  );
  server.close();
  return error;
}

it('a command written to a connection that the server has just ended went unanswered, and is no bug', async () => {
  const error = await writeAfterEnd();
  expect(error).toMatchObject({ code: 'EPIPE' });
  await expect(answered(Promise.reject(error))).rejects.toThrow(StoreUnavailable);

  const refusing = { accounts: { updateOne: () => Promise.reject(error) } };
  const document = sampleDocument();
  expect(await makeStore(refusing as never).write(document, { ...document, rev: 2 })).toBe('unknown');
});

it('a bug stays a bug', async () => {
  const bug = new TypeError('not a function');
  await expect(answered(Promise.reject(bug))).rejects.toBe(bug);
});
