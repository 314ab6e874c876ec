import { request } from 'node:http';
import { createHash } from 'node:crypto';
import { allRoutes } from '../../src/api/routes';
import { openTestApi, type TestApi } from './testApi';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-metrics', { rateLimit: { burst: 100_000, perSecond: 100_000 } });
});
afterAll(() => api.release());

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND', 'M-SEARCH', 'PURGE', 'LOCK'];
const places = [
  ...['/', '/v1', '/v1/', '/healthz/', '/accounts/', '/connect/', '/oauth/callback/', '/admin/queues/', '/assets/'],
  ...allRoutes.map(({ path }) => `/v1${path.replaceAll(/:\w+/g, 'SECRET-part')}`),
];

/** Always the same one for the same number. */
function requestOf(n: number) {
  const hash = createHash('sha256').update(String(n)).digest('hex');
  const pick = <T>(from: readonly T[], at: number): T => from[parseInt(hash.slice(at, at + 6), 16) % from.length] as T;
  const made = `SECRET-${hash.slice(0, 20)}`;
  const base = pick(places, 0);
  const path = pick(
    [base, `${base}${made}`, `${base}/${made}`, `/${made}/${made}`, `${base}?q=${made}`, `${base}/%E0%A4%A`],
    6,
  );
  const keys = [api.keys.platform, api.keys.admin, api.keys.reader, null, `upl_p_${made}`];
  return { method: pick(METHODS, 12), path, key: pick(keys, 18) };
}

async function send({ method, path, key }: ReturnType<typeof requestOf>): Promise<void> {
  const { port } = new URL(api.publicUrl);
  const headers = key === null ? {} : { authorization: `Bearer ${key}` };
  await new Promise<void>((resolve, reject) => {
    const asked = request({ port, method, path, headers }, (answer) => answer.resume().on('close', resolve));
    asked.on('error', reject).end();
  });
}

async function series(): Promise<string[]> {
  const { text } = await api.send('GET', '/metrics', { headers: { authorization: `Bearer ${api.keys.admin}` } });
  return text.split('\n').filter((line) => line.startsWith('upslink_http_request_duration_seconds_count'));
}

const labelsIn = (line: string): Record<string, string> => {
  const pairs = [...line.matchAll(/(\w+)="([^"]*)"/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']): [string, string] => [name, value]));
};

it('counts 5,000 made-up requests under labels of our own, and logs none of their addresses', async () => {
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    for (let n = lane; n < 5_000; n += 8) await send(requestOf(n));
  });
  await Promise.all(lanes);
  const seen = await series();
  const labels = seen.map(labelsIn);
  const known = new Set(allRoutes.map(({ method, path }) => `${method.toUpperCase()} /v1${path}`));
  const strange = labels.filter(({ method, route }) => {
    const asked = method === 'HEAD' ? 'GET' : method;
    return route?.startsWith('/v1') ? !known.has(`${asked} ${route}`) : false;
  });
  expect(strange).toEqual([]);
  expect(labels.filter(({ route }) => route === 'none').map(({ method }) => method)).toEqual(
    expect.arrayContaining(['other']),
  );
  expect(new Set(labels.map(({ method }) => method)).size).toBeLessThanOrEqual(7);
  // Each route once or twice a status, and a few of the pages.
  expect(seen.length).toBeLessThan(allRoutes.length * 8);
  expect(seen.join('\n')).not.toMatch(/SECRET|refused/);
  expect(api.logged.filter((line) => line.includes('SECRET'))).toEqual([]);
}, 600_000);

it('says what requests hold at this moment', async () => {
  const { text } = await api.send('GET', '/metrics', { headers: { authorization: `Bearer ${api.keys.admin}` } });
  expect(text).toContain('upslink_http_places{rank="callback"} 0');
  expect(text).toContain('upslink_http_bodies{key="unknown"} 0');
  expect(text).toContain('upslink_http_lookups{line="link"} 0');
});
