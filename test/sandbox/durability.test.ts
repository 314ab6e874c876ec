import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  connect,
  control,
  errorOf,
  exchange,
  getCode,
  ledgerOf,
  openTestSandbox,
  probe,
  rate,
  refresh,
  refreshPath,
  seed,
  sha256,
  type TestSandbox,
} from './testSandbox';

describe('a restart', () => {
  let ups: TestSandbox;
  beforeEach(async () => {
    ups = await openTestSandbox();
    await seed(ups, 'merchant');
  });
  afterEach(() => ups.stop());

  test('forgets neither profiles, codes, grants, settings nor the ledger', async () => {
    await control(ups, 'settings', { codeSeconds: 77, reuseRevokesFamily: true });
    const tokens = await connect(ups, 'merchant');
    const code = await getCode(ups, 'merchant');
    await refresh(ups, 'unknown');
    const before = await ledgerOf(ups);
    await ups.restart();
    expect(await ledgerOf(ups)).toEqual(before);
    expect((await control(ups, 'settings')).body).toMatchObject({ codeSeconds: 77, reuseRevokesFamily: true });
    expect((await exchange(ups, code)).status).toBe(200);
    expect((await rate(ups, tokens.access_token, probe())).status).toBe(200);
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
  });

  test('does not bring a used refresh token, a used code or a revoked grant back', async () => {
    const code = await getCode(ups, 'merchant');
    const first = (await exchange(ups, code)).body;
    const second = (await refresh(ups, first.refresh_token)).body;
    const lost = await connect(ups, 'merchant');
    await control(ups, 'faults', { match: { path: refreshPath, username: 'merchant' }, do: 'revoke', times: 1 });
    await refresh(ups, lost.refresh_token);
    await ups.restart();
    expect(errorOf(await exchange(ups, code))).toEqual([400, '10402']);
    expect(errorOf(await refresh(ups, first.refresh_token))).toEqual([400, '10400']);
    expect(errorOf(await refresh(ups, second.refresh_token))).toEqual([400, '10400']);
    expect(errorOf(await rate(ups, lost.access_token, probe()))).toEqual([401, '250002']);
    const { violations, repeats } = await ledgerOf(ups);
    expect(violations.map(({ kind }) => kind)).toEqual(['code-sent-twice']);
    expect(repeats.map(({ generation, delivered }) => [generation, delivered])).toEqual([[1, true]]);
  });

  test('keeps what compaction folds together', async () => {
    await control(ups, 'settings', { oldAccessTokenLives: false });
    const first = await connect(ups, 'merchant');
    const second = (await refresh(ups, first.refresh_token)).body;
    await refresh(ups, first.refresh_token);
    // Three lines a request until then: enough of them that a start finds it worth folding.
    for (let n = 0; n < 600; n += 1) await rate(ups, second.access_token, {});
    const before = await ledgerOf(ups);
    const journal = path.join(ups.dataDir, 'journal.jsonl');
    const linesBefore = (await readFile(journal, 'utf8')).split('\n').length;
    await ups.restart();
    expect((await readFile(journal, 'utf8')).split('\n').length).toBeLessThan(linesBefore / 2);
    expect(await ledgerOf(ups)).toEqual(before);
    await ups.restart();
    expect(await ledgerOf(ups)).toEqual(before);
    expect((await rate(ups, first.access_token, probe())).status).toBe(401);
    expect((await rate(ups, second.access_token, probe())).status).toBe(200);
    await refresh(ups, first.refresh_token);
    expect((await ledgerOf(ups)).repeats).toMatchObject([
      { generation: 1, delivered: true },
      { generation: 1, delivered: true },
    ]);
  });

  test('closes every connection: a send that was open is no violation afterwards', async () => {
    const tokens = await connect(ups, 'merchant');
    await control(ups, 'faults', { match: { path: refreshPath }, do: 'delay', ms: 600_000 });
    const pending = refresh(ups, tokens.refresh_token).catch(() => null);
    await ups.restart();
    await pending;
    expect((await refresh(ups, tokens.refresh_token)).status).toBe(200);
    expect((await ledgerOf(ups)).violations).toEqual([]);
  });

  test('finds no token, code, password or client secret on the disk', async () => {
    const code = await getCode(ups, 'merchant');
    const tokens = (await exchange(ups, code)).body;
    const next = (await refresh(ups, tokens.refresh_token)).body;
    const stored = await readFile(path.join(ups.dataDir, 'journal.jsonl'), 'utf8');
    const secrets = [code, tokens.access_token, tokens.refresh_token, next.refresh_token, 'merchant-pass', 'secret-1'];
    for (const secret of secrets) expect(stored).not.toContain(secret);
    expect(stored).toContain(sha256(tokens.refresh_token));
  });
});

describe('kill -9', () => {
  let dataDir: string;
  let child: ChildProcess | null = null;
  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'upslink-killed-'));
  });
  afterEach(async () => {
    await kill();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(): Promise<{ url: string }> {
    const script = path.join(__dirname, 'child.ts');
    child = spawn(process.execPath, ['--require', 'tsx/cjs', script, dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (!child.stdout) throw new Error('the child has no output');
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    return { url: chunk.toString().trim() };
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  test('in the middle of many refreshes loses no answer that went out', async () => {
    let ups = await start();
    await seed(ups, 'merchant');
    const families = await Promise.all(Array.from({ length: 10 }, () => connect(ups, 'merchant')));
    const newest = new Map(families.map((tokens, family) => [family, tokens.refresh_token]));
    const unsure = new Set<number>();
    let answered = 0;
    const rounds = families.map(async (_tokens, family) => {
      for (;;) {
        unsure.add(family);
        const answer = await refresh(ups, newest.get(family) ?? '').catch(() => null);
        if (answer === null) return;
        newest.set(family, answer.body.refresh_token);
        unsure.delete(family);
        answered += 1;
        if (answered === 200) await kill();
      }
    });
    await Promise.all(rounds);
    const seen = answered;

    ups = await start();
    const ledger = await ledgerOf(ups);
    const known = new Set(ledger.tokens.map(({ refreshTokenSha256 }) => refreshTokenSha256));
    for (const token of newest.values()) expect(known.has(sha256(token))).toBe(true);
    expect(seen).toBeGreaterThanOrEqual(200);
    expect(ledger.tokens.length).toBeGreaterThanOrEqual(seen + 10);
    expect(ledger.violations).toEqual([]);
    for (const [family, token] of newest) {
      if (!unsure.has(family)) expect((await refresh(ups, token)).status).toBe(200);
    }
  });
});
