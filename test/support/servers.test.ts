import mongoose from 'mongoose';
import { Redis } from 'ioredis';
import { privateRedis, testDatabase, testPrefix, testRedis, withDatabase } from './servers';

describe('the servers of the test run', () => {
  it('gives every caller a database of its own on one server', async () => {
    const [one, other] = [await testDatabase('one'), await testDatabase('other')];
    expect(new URL(one.url).host).toBe(new URL(other.url).host);
    const client = await new mongoose.mongo.MongoClient(one.url).connect();
    await client.db().collection('things').insertOne({ n: 1 });
    const elsewhere = await new mongoose.mongo.MongoClient(other.url).connect();
    expect(client.db().databaseName).toBe(one.name);
    expect(await elsewhere.db().collection('things').countDocuments()).toBe(0);
    await Promise.all([client.close(), elsewhere.close()]);
  });

  it('gives every caller a prefix of its own on one Redis', async () => {
    expect(testPrefix('a:b')).toMatch(/^upslink-test-a-b-[0-9a-f]{8}$/);
    expect(testPrefix('a')).not.toBe(testPrefix('a'));
    const redis = new Redis(await testRedis());
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();
  });

  it('moves to another database without moving the login', () => {
    expect(withDatabase('mongodb://h:1', 'x')).toBe('mongodb://h:1/x');
    expect(withDatabase('mongodb://h:1/upslink?w=1', 'x')).toBe('mongodb://h:1/x?w=1');
    expect(withDatabase('mongodb://u:p@h', 'x')).toBe('mongodb://u:p@h/x?authSource=admin');
    expect(withDatabase('mongodb://u:p@h/own', 'x')).toBe('mongodb://u:p@h/x?authSource=own');
  });

  it('gives a Redis that a test may kill, and starts it again on what it had', async () => {
    const server = await privateRedis();
    const before = new Redis(server.url);
    await before.set('kept', 'yes');
    await before.call('WAITAOF', '1', '0', '1000').catch(() => undefined);
    before.disconnect();
    await server.kill();
    await server.start();
    const after = new Redis(server.url);
    expect(await after.get('kept')).toBe('yes');
    after.disconnect();
    await server.dispose();
  });
});
