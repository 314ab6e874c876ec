import { Registry } from 'prom-client';
import { makeUpsFigures } from '../../src/ups';

test('answers that nobody understands are counted by endpoint and class of status', async () => {
  const registry = new Registry();
  const { unread } = makeUpsFigures(registry);
  for (const httpStatus of [400, 403, 502, 200, null]) unread({ endpoint: 'refresh', httpStatus });
  unread({ endpoint: 'token', httpStatus: 403 });
  const text = await registry.metrics();
  for (const [endpoint, status, count] of [
    ['refresh', '4xx', 2],
    ['refresh', '5xx', 1],
    ['refresh', '2xx', 1],
    ['refresh', 'none', 1],
    ['token', '4xx', 1],
  ])
    expect(text).toContain(
      `upslink_ups_answers_not_understood_total{endpoint="${endpoint}",status="${status}"} ${count}`,
    );
});
