import fs from 'node:fs';
// The module itself, as spies need it.
import files from 'node:fs/promises';
import path from 'node:path';
import { assertWritable, makeDiskPlace } from '../../../src/workers/spool/disk';
import { aSealedAnswer, makeFolder } from './samples';

const { folder: root, remove } = makeFolder();
afterAll(remove);
afterEach(() => jest.restoreAllMocks());

let count = 0;
/** A folder that is not there yet. */
const newFolder = () => path.join(root, `spool-${count++}`);
const named = ({ accountId, eventId }: { accountId: string; eventId: string }) => `${accountId}.${eventId}.json`;
const long = new Date(Date.now() - 61_000);

/** What a process that was killed while it wrote left behind. */
function leaveDraft(folder: string, name: string, text: string, at = long): string {
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}.new`);
  fs.writeFileSync(file, text);
  fs.utimesSync(file, at, at);
  return file;
}

it('keeps answers, finds those of an account, and forgets one when told', async () => {
  const [folder, mine, next, other] = [
    newFolder(),
    aSealedAnswer(),
    aSealedAnswer(),
    aSealedAnswer({ accountId: 'acc_one2' }),
  ];
  const place = makeDiskPlace(folder);
  expect(await place.all()).toEqual({ answers: [], unreadable: [] });
  expect(await place.find('acc_one')).toEqual({ answers: [], unreadable: [] });
  for (const answer of [mine, next, other]) await place.put(answer);
  expect((await place.find('acc_one')).answers.sort(byId)).toEqual([mine, next].sort(byId));
  expect((await makeDiskPlace(folder).all()).answers.sort(byId)).toEqual([mine, next, other].sort(byId));
  await place.remove(mine);
  await place.remove(mine);
  expect((await place.find('acc_one')).answers).toEqual([next]);
});

const byId = (a: { eventId: string }, b: { eventId: string }) => (a.eventId < b.eventId ? -1 : 1);

it('holds the same answer once, however often it is put', async () => {
  const [place, answer] = [makeDiskPlace(newFolder()), aSealedAnswer()];
  await place.put(answer);
  await place.put(answer);
  expect((await place.all()).answers).toEqual([answer]);
});

it('is for the eyes of its own user', async () => {
  const [folder, answer] = [newFolder(), aSealedAnswer()];
  await makeDiskPlace(folder).put(answer);
  expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
  expect(fs.statSync(path.join(folder, named(answer))).mode & 0o777).toBe(0o600);
});

it('syncs the draft before it gets its name, and the folder after', async () => {
  const folder = newFolder();
  fs.mkdirSync(folder);
  const steps: string[] = [];
  const { open, rename } = files;
  jest.spyOn(files, 'open').mockImplementation(async (file, ...rest) => {
    const handle = await open(file, ...rest);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      await sync();
      const { size } = fs.statSync(file);
      steps.push(file === folder ? 'folder synced' : `draft synced, ${size > 100 ? 'written' : 'empty'}`);
    };
    return handle;
  });
  jest.spyOn(files, 'rename').mockImplementation(async (from, to) => {
    await rename(from, to);
    steps.push('renamed');
  });
  await makeDiskPlace(folder).put(aSealedAnswer());
  expect(steps).toEqual(['draft synced, written', 'renamed', 'folder synced']);
});

describe('a process that was killed while it wrote', () => {
  it('after the draft was whole, has left an answer', async () => {
    const [folder, answer] = [newFolder(), aSealedAnswer()];
    leaveDraft(folder, named(answer), JSON.stringify(answer));
    const place = makeDiskPlace(folder);
    expect((await place.find(answer.accountId)).answers).toEqual([answer]);
    expect((await place.all()).answers).toEqual([answer]);
    await place.remove(answer);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it.each([0, 1, 100])('after %i bytes, has left nothing, and what it left is tidied up', async (bytes) => {
    const [folder, answer] = [newFolder(), aSealedAnswer()];
    leaveDraft(folder, named(answer), JSON.stringify(answer).slice(0, bytes));
    expect(await makeDiskPlace(folder).all()).toEqual({ answers: [], unreadable: [] });
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('and knew another format, has left what somebody else can read', async () => {
    const [folder, answer] = [newFolder(), aSealedAnswer()];
    const file = leaveDraft(folder, named(answer), JSON.stringify({ ...answer, format: 2 }));
    const place = makeDiskPlace(folder);
    const seen = { answers: [], unreadable: [path.basename(file)] };
    expect([await place.all(), await place.find(answer.accountId)]).toEqual([seen, seen]);
    expect(fs.existsSync(file)).toBe(true);
  });

  it('is told from one that is writing still', async () => {
    const [folder, answer] = [newFolder(), aSealedAnswer()];
    const file = leaveDraft(folder, named(answer), '{"form', new Date());
    expect(await makeDiskPlace(folder).all()).toEqual({ answers: [], unreadable: [] });
    expect(fs.existsSync(file)).toBe(true);
  });

  it('a moment ago has left its answer to whoever would ask UPS again, and to nobody who would take it away', async () => {
    const [folder, answer] = [newFolder(), aSealedAnswer()];
    leaveDraft(folder, named(answer), JSON.stringify(answer), new Date());
    const place = makeDiskPlace(folder);
    expect((await place.find(answer.accountId)).answers).toEqual([answer]);
    expect(await place.all()).toEqual({ answers: [], unreadable: [] });
  });
});

it.each(['stat', 'readFile'] as const)('finds an answer whose draft gets its name before its %s', async (step) => {
  const [folder, answer] = [newFolder(), aSealedAnswer()];
  const draft = leaveDraft(folder, named(answer), JSON.stringify(answer), new Date());
  const original = files[step] as (...given: unknown[]) => Promise<never>;
  jest.spyOn(files, step).mockImplementationOnce((...given: unknown[]) => {
    fs.renameSync(draft, path.join(folder, named(answer)));
    return original(...given);
  });
  expect((await makeDiskPlace(folder).find(answer.accountId)).answers).toEqual([answer]);
});

it('leaves what it cannot read where it is, and names it', async () => {
  const [folder, answer] = [newFolder(), aSealedAnswer()];
  const place = makeDiskPlace(folder);
  await place.put(answer);
  fs.writeFileSync(path.join(folder, 'acc_one.torn.json'), JSON.stringify(answer).slice(0, 50));
  fs.writeFileSync(path.join(folder, 'acc_one.old.json'), JSON.stringify({ ...answer, format: 0 }));
  fs.writeFileSync(path.join(folder, 'README'), 'not ours');
  const { answers, unreadable } = await place.all();
  expect(answers).toEqual([answer]);
  expect(unreadable.sort()).toEqual(['acc_one.old.json', 'acc_one.torn.json']);
  expect((await place.find('acc_one')).unreadable.sort()).toEqual(unreadable.sort());
  expect((await place.find('acc_two')).unreadable).toEqual([]);
  expect(fs.readdirSync(folder)).toHaveLength(4);
});

it('reads the others beside a name that cannot be read', async () => {
  const [folder, answer] = [newFolder(), aSealedAnswer()];
  const place = makeDiskPlace(folder);
  await place.put(answer);
  fs.mkdirSync(path.join(folder, 'acc_two.e1.json'));
  fs.mkdirSync(path.join(folder, 'acc_two.e2.json.new'));
  const { readFile } = files;
  const forbidden = path.join(folder, 'acc_two.e3.json');
  fs.writeFileSync(forbidden, '');
  jest
    .spyOn(files, 'readFile')
    .mockImplementation(((file: string, ...rest: unknown[]) =>
      file === forbidden
        ? Promise.reject(Object.assign(new Error('permission denied'), { code: 'EACCES' }))
        : readFile(file, ...(rest as ['utf8']))) as typeof readFile);
  const { answers, unreadable } = await place.all();
  expect(answers).toEqual([answer]);
  expect(unreadable.sort()).toEqual(['acc_two.e1.json', 'acc_two.e3.json']);
  const names = ['acc_two.e1.json', 'acc_two.e2.json.new', 'acc_two.e3.json'];
  expect((await place.find('acc_two')).unreadable.sort()).toEqual(names);
  expect(await place.find('acc_one')).toEqual({ answers: [answer], unreadable: [] });
});

it('rejects on a full disk, and does not fill it with drafts', async () => {
  const folder = newFolder();
  fs.mkdirSync(folder);
  const { open } = files;
  jest.spyOn(files, 'open').mockImplementation(async (file, ...rest) => {
    const handle = await open(file, ...rest);
    handle.writeFile = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    return handle;
  });
  await expect(makeDiskPlace(folder).put(aSealedAnswer())).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(fs.readdirSync(folder)).toEqual([]);
  await expect(assertWritable(folder)).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(fs.readdirSync(folder)).toEqual([]);
});

it('rejects where no folder can be', async () => {
  const file = path.join(root, 'a-file');
  fs.writeFileSync(file, '');
  const folder = path.join(file, 'spool');
  await expect(makeDiskPlace(folder).put(aSealedAnswer())).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(assertWritable(folder)).rejects.toMatchObject({ code: 'ENOTDIR' });
});

it('makes its folder, those above it too, and leaves it empty when it was only tried', async () => {
  const folder = path.join(newFolder(), 'deep', 'spool');
  await assertWritable(folder);
  expect(fs.readdirSync(folder)).toEqual([]);
});
