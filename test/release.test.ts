import { makeReleases } from '../src/release';

it('releases in reverse order; one that fails or hangs is reported and keeps no other', async () => {
  const seen: string[] = [];
  const releases = makeReleases((what, error) => seen.push(`${what}: ${(error as Error).name}`), { longestMs: 50 });
  releases.add('first', () => void seen.push('first'));
  releases.add('hanging', () => new Promise<void>(() => undefined));
  releases.add('failing', () => Promise.reject(new TypeError('as the test asked')));
  releases.add('last', () => void seen.push('last'));
  await releases.all();
  expect(seen).toEqual(['last', 'failing: TypeError', 'hanging: TooSlow', 'first']);
});
