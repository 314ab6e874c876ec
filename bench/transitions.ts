/**
 * Durable transitions a second, divided by the raw read + compare-and-set of documents of the same size with the same
 * index moved: same server, same run, the two in turn by slices. Both lanes read the document before each write.
 */

import type { AccountDocument } from '../src/db/accounts';
import { changesOf } from '../src/db/changes';
import type { BenchStore } from './benchStore';

const SLICE_MS = 1_000;
/** At once; each lane goes round its own accounts, so that none is refreshed again within the relay's batch. */
const LANES = Number(process.env['BENCH_LANES'] ?? 4);
const ACCOUNTS_A_LANE = 32;

interface Subject {
  account: AccountDocument;
  generation: number;
}

/** The same step on one subject after the other. */
function roundOf<T>(subjects: T[], step: (subject: T) => Promise<number>): () => Promise<number> {
  let turn = 0;
  return () => step(subjects[turn++ % subjects.length] as T);
}

const dealt = <T>(all: T[]): T[][] =>
  Array.from({ length: LANES }, (_, lane) => all.filter((__, i) => i % LANES === lane));

/** One refresh: the timer with its claim and journal, then the answer stored. Two transitions, each read and written. */
async function durableRefresh({ runtime, answer }: BenchStore, lane: Subject): Promise<number> {
  const fired = await runtime.fire(await runtime.load(lane.account.id), { needsUps: true, claimBy: 'bench' });
  const key = fired?.claimed[0];
  if (!fired || key === undefined) throw new Error('nothing was due');
  const { output, secrets } = answer(fired.document, ++lane.generation);
  await runtime.settle(await runtime.load(lane.account.id), { key, attempt: 1, secrets }, { output });
  return 2;
}

/** What a commit of that kind sends, without anything deciding it: the same fields, the same bytes, upsAt moved. */
function rawLane({ db }: BenchStore, before: AccountDocument, after: AccountDocument) {
  const { $set } = changesOf(before, after);
  const id = `raw_${before.id}`;
  let at = Date.now();
  return {
    prepare: async () => {
      const stored = await db.accounts.findOne({ _id: after.id });
      if (stored) await db.accounts.insertOne({ ...stored, _id: id });
    },
    step: async () => {
      const stored = await db.accounts.findOne({ _id: id });
      const rev = stored?.rev ?? 0;
      const { matchedCount } = await db.accounts.updateOne(
        { _id: id, rev },
        { $set: { ...$set, rev: rev + 1, upsAt: ++at } },
      );
      if (matchedCount !== 1) throw new Error('the raw write was lost');
      return 1;
    },
  };
}

async function slice(steps: (() => Promise<number>)[]): Promise<number> {
  const until = performance.now() + SLICE_MS;
  const began = performance.now();
  let done = 0;
  await Promise.all(
    steps.map(async (step) => {
      while (performance.now() < until) done += await step();
    }),
  );
  return (done * 1_000) / (performance.now() - began);
}

const median = (numbers: number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

export async function benchTransitions(
  bench: BenchStore,
  rounds: number,
  say: (line: string) => void,
): Promise<number> {
  const accounts = await bench.connected(LANES * ACCOUNTS_A_LANE);
  const subjects: Subject[] = accounts.map((account) => ({ account, generation: 1 }));
  for (const subject of subjects) await durableRefresh(bench, subject);
  await bench.runtime.relay.idle();
  const raw = [];
  for (const before of accounts) raw.push(rawLane(bench, before, await bench.runtime.load(before.id)));
  for (const { prepare } of raw) await prepare();
  const durableLanes = dealt(subjects).map((some) => roundOf(some, (subject) => durableRefresh(bench, subject)));
  const rawLanes = dealt(raw).map((some) => roundOf(some, ({ step }) => step()));
  const figures: { durable: number; raw: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const durable = await slice(durableLanes);
    const plain = await slice(rawLanes);
    say(
      `  round ${round}${round === 0 ? ' (warm-up, not counted)' : ''}: durable ${durable.toFixed(0)}/s, raw ${plain.toFixed(0)}/s`,
    );
    if (round > 0) figures.push({ durable, raw: plain });
  }
  const bytes = JSON.stringify(await bench.runtime.load(accounts[0]?.id ?? '')).length;
  const ratio = median(figures.map(({ durable, raw: plain }) => durable / plain));
  say(`document ${(bytes / 1024).toFixed(1)} kB, ${LANES} at once`);
  say(`durable transitions   ${median(figures.map(({ durable }) => durable)).toFixed(0)}/s (median)`);
  say(`raw read + CAS        ${median(figures.map(({ raw: plain }) => plain)).toFixed(0)}/s (median)`);
  say(`ratio                 ${ratio.toFixed(2)} (median of ${rounds} pairs)`);
  return ratio;
}
