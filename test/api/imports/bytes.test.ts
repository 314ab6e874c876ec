import { makeReadAhead } from '../../../src/api/imports/bytes';

it('gives back what was put, however it was cut, in pieces of at most a block', () => {
  for (const size of [1, 1_000, 65_536, 200_000]) {
    const ahead = makeReadAhead();
    const given = Buffer.from(Array.from({ length: 400_000 }, (_, n) => n % 251));
    const taken: Uint8Array[] = [];
    const take = () => {
      for (let piece = ahead.take(); piece !== null; piece = ahead.take()) taken.push(piece);
    };
    for (let at = 0; at < given.length; at += size) {
      ahead.put(given.subarray(at, at + size));
      if (at % 7 === 0) take();
    }
    take();
    expect(Buffer.concat(taken).equals(given)).toBe(true);
    expect(Math.max(...taken.map(({ length }) => length))).toBeLessThanOrEqual(65_536);
  }
});

it('holds many small chunks in few blocks', () => {
  const ahead = makeReadAhead();
  for (let n = 0; n < 200_000; n++) ahead.put(Buffer.from('x'));
  let pieces = 0;
  while (ahead.take() !== null) pieces++;
  expect(pieces).toBe(4);
});
