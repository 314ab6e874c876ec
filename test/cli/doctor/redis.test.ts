import { judgeMemory, judgePersistence, readInfo } from '../../../src/cli/doctor/redis';

const info = (lines: string[]) => readInfo(['# Memory', ...lines].join('\r\n'));

it('fails a Redis that throws jobs away when it is full, and warns of one that has no limit yet', () => {
  expect(judgeMemory(info(['maxmemory:1000', 'maxmemory_policy:allkeys-lru']))).toMatchObject({ status: 'fail' });
  expect(judgeMemory(info(['maxmemory:0', 'maxmemory_policy:allkeys-lru']))).toMatchObject({ status: 'warn' });
  expect(judgeMemory(info(['maxmemory:1000', 'maxmemory_policy:noeviction']))).toMatchObject({ status: 'ok' });
});

it('wants an append-only file that can be written', () => {
  expect(judgePersistence(info(['aof_enabled:1', 'aof_last_write_status:ok']))).toMatchObject({ status: 'ok' });
  expect(judgePersistence(info(['aof_enabled:1', 'aof_last_write_status:err']))).toMatchObject({ status: 'fail' });
  expect(judgePersistence(info(['aof_enabled:0']))).toMatchObject({ status: 'warn' });
});
