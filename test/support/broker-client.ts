/** Asks the broker (broker.ts), which starts the servers and drops the databases of tests that passed. */
import http from 'node:http';

export const BROKER_VARIABLE = 'UPSLINK_TEST_BROKER';

export interface BrokerAnswer {
  readonly url: string;
}

export async function ask(what: string, body: object = {}): Promise<BrokerAnswer> {
  const socketPath = process.env[BROKER_VARIABLE];
  if (socketPath === undefined)
    throw new Error('There is no test run: start tests by jest, which reads jest.config.mjs');
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path: `/${what}`, method: 'POST', agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text) as BrokerAnswer);
        else reject(new Error(text));
      });
    });
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}
