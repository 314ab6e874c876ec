import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { senderOf } from '../src/sender';

const OURS = 'https://accounts.example.com';

it.each([
  [{}, 'unsaid'],
  [{ referer: `${OURS}/` }, 'unsaid'],
  [{ 'sec-fetch-site': 'same-origin' }, 'own'],
  [{ 'sec-fetch-site': 'none' }, 'own'],
  [{ 'sec-fetch-site': 'same-site' }, 'other'],
  [{ 'sec-fetch-site': 'cross-site' }, 'other'],
  [{ 'sec-fetch-site': '' }, 'other'],
  [{ 'sec-fetch-site': 'unheard-of' }, 'other'],
  // The page may hide where it is.
  [{ 'sec-fetch-site': 'same-origin', origin: 'null' }, 'own'],
  [{ 'sec-fetch-site': 'cross-site', origin: OURS }, 'other'],
  [{ origin: OURS }, 'own'],
  [{ origin: 'HTTPS://Accounts.Example.com' }, 'own'],
  [{ origin: `${OURS}:443` }, 'own'],
  [{ origin: 'null' }, 'other'],
  [{ origin: '' }, 'other'],
  [{ origin: 'http://accounts.example.com' }, 'other'],
  [{ origin: `${OURS}:8443` }, 'other'],
  [{ origin: `${OURS}.` }, 'other'],
  [{ origin: `${OURS}.evil.example` }, 'other'],
  [{ origin: `${OURS}/path` }, 'other'],
  [{ origin: `blob:${OURS}/1` }, 'other'],
  [{ origin: 'https://user@accounts.example.com' }, 'other'],
] as [IncomingHttpHeaders, string][])('says of %j: %s', (headers, sender) =>
  expect(senderOf(headers, OURS)).toBe(sender),
);

it.each([
  ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: same-origin'],
  ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'],
  [`Origin: ${OURS}`, `Origin: ${OURS}`],
  [`Origin: ${OURS}`, 'Origin: https://evil.example'],
])('believes no header that came twice: %s and %s', async (...lines) => {
  let sender: string | null = null;
  const server = createServer((req, res) => {
    sender = senderOf(req.headers, OURS);
    res.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(['POST / HTTP/1.1', 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n'));
  socket.resume();
  await once(socket, 'close');
  server.close();
  await once(server, 'close');
  expect(sender).toBe('other');
});
