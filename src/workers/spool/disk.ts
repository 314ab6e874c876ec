/**
 * The second place on the disk: one file an answer, `<account>.<event id>.json`.
 *
 * 1. A file of that name is whole: written under another name, synced, renamed, and the folder synced.
 * 2. A draft (`….json.new`) whose writer died is an answer too if it is whole. If it is not, nobody was promised anything:
 *    it is removed.
 * 3. Removing is not synced: a file that comes back after a power cut is an answer that is stored already.
 */

import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { readSealedAnswer, type SealedAnswer } from './answer';
import type { Found, SecondPlace } from './place';

const WHOLE = '.json';
const DRAFT = '.json.new';

/** So long nobody writes one answer: an older draft is a dead process's. By the disk's own clock. */
const DRAFT_ABANDONED_MS = 60_000;

function unlessMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}

const nothing: Found = { answers: [], unreadable: [] };

const nameOf = ({ accountId, eventId }: Pick<SealedAnswer, 'accountId' | 'eventId'>): string =>
  `${accountId}.${eventId}${WHOLE}`;

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A folder made just now is safe once those above it are. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = path.dirname(made)) await sync(path.dirname(made));
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whoever holds it puts it again every second: what lies there is not written again. Its folder may not be synced yet. */
async function put(folder: string, answer: SealedAnswer): Promise<void> {
  const [name, text] = [nameOf(answer), JSON.stringify(answer)];
  const there = await readFile(path.join(folder, name), 'utf8').catch(() => null);
  if (there === text) await sync(folder);
  else await writeWhole(folder, name, text);
}

/** The file is there whole, or as it was: also after a power cut. */
export async function writeWhole(folder: string, name: string, text: string, draftName = `${name}.new`): Promise<void> {
  const draft = path.join(folder, draftName);
  await makeFolder(folder);
  try {
    await writeSynced(draft, text);
    await rename(draft, path.join(folder, name));
  } catch (error) {
    // A full disk must not be filled with drafts.
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
  await sync(folder);
}

/** Null: gone since the folder was listed; whoever took it saw to it. */
async function read(folder: string, name: string): Promise<ReturnType<typeof readSealedAnswer> | null> {
  const text = await readFile(path.join(folder, name), 'utf8').catch(unlessMissing);
  return text === null ? null : readSealedAnswer(text);
}

const foundIn = (answer: ReturnType<typeof readSealedAnswer>, name: string): Found =>
  typeof answer === 'string' ? { ...nothing, unreadable: [name] } : { ...nothing, answers: [answer] };

/** Drafts of a writer that may live: to be read, or left to it. */
type Young = 'too' | 'not';

/** A whole one is an answer, its name no matter, if only to whoever knows its format. */
async function readDraft(folder: string, name: string, young: Young): Promise<Found> {
  const file = path.join(folder, name);
  const found = await stat(file).catch(unlessMissing);
  // Renamed since the folder was listed: its other name may not have been among those.
  const renamed = () => readWhole(folder, name.slice(0, -DRAFT.length) + WHOLE);
  if (found === null) return renamed();
  const isAbandoned = Date.now() - found.mtimeMs >= DRAFT_ABANDONED_MS;
  if (!isAbandoned && young === 'not') return nothing;
  const draft = await read(folder, name);
  if (draft === null) return renamed();
  if (draft !== 'half-written') return foundIn(draft, name);
  if (isAbandoned) await rm(file, { force: true });
  return nothing;
}

async function readWhole(folder: string, name: string): Promise<Found> {
  const answer = await read(folder, name);
  return answer === null ? nothing : foundIn(answer, name);
}

/** What one name holds. A name that cannot be read must not stand before all the others: a folder, a bad sector, a right. */
async function readNamed(folder: string, name: string, young: Young): Promise<Found> {
  try {
    if (name.endsWith(DRAFT)) return await readDraft(folder, name, young);
    if (name.endsWith(WHOLE)) return await readWhole(folder, name);
    return nothing;
  } catch {
    return { ...nothing, unreadable: [name] };
  }
}

/** One trip to the disk, and one more a file. Rejects when the folder cannot be listed. */
async function look(folder: string, prefix: string, young: Young): Promise<Found> {
  const names = (await readdir(folder).catch(unlessMissing)) ?? [];
  const found: Found = { answers: [], unreadable: [] };
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const { answers, unreadable } = await readNamed(folder, name, young);
    found.answers.push(...answers);
    found.unreadable.push(...unreadable);
  }
  return found;
}

export const makeDiskPlace = (folder: string): SecondPlace => ({
  name: 'disk',
  put: (answer) => put(folder, answer),
  async remove(answer) {
    const file = path.join(folder, nameOf(answer));
    await rm(file, { force: true });
    await rm(`${file}.new`, { force: true });
  },
  // Whoever asks is about to ask UPS again.
  find: (accountId) => look(folder, `${accountId}.`, 'too'),
  // A draft is not stored and taken away from under the hands of its writer.
  all: () => look(folder, '', 'not'),
});

/** Makes the folder and writes to it as `put` does. Rejects with the reason, an error of the file system. */
export async function assertWritable(folder: string): Promise<void> {
  await makeFolder(folder);
  const probe = path.join(folder, `probe-${process.pid}`);
  try {
    await writeSynced(probe, 'written to see that it can be\n');
    await sync(folder);
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}
