/** Node's versions: what the image runs on, what the service needs, and what npm start says of one whose support has ended. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.join(__dirname, '..', '..');
const textOf = (file: string): string => readFileSync(path.join(root, file), 'utf8');

/** A module of its own in a process of its own: the scripts are no part of what the tests compile. */
function warningFor(version: string, day: string): string | null {
  const script = `
    import { warningFor } from './scripts/node-versions.mjs';
    console.log(JSON.stringify(warningFor('${version}', Date.parse('${day}'))));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
  });
  return JSON.parse(stdout) as string | null;
}

const images = [...textOf('Dockerfile').matchAll(/^FROM node:(\d+)[.\d]*-bookworm-slim( AS \w+)?$/gm)];

it('builds the image on one release of Node that is still supported, and runs it on the same', () => {
  const majors = images.map((match) => match[1]);
  expect(majors).toEqual(['24', '24']);
  expect(warningFor(`${majors[0]}.0.0`, '2028-04-30T12:00:00Z')).toBeNull();
  expect(textOf('Dockerfile').match(/^FROM /gm)).toHaveLength(images.length);
});

it('still runs where it ran: engines take Node 20, and the release of the image', () => {
  const { engines } = JSON.parse(textOf('package.json')) as { engines: { node: string } };
  expect(engines.node).toBe('>=20.19');
});

it.each([
  ['20.20.2', '2026-04-30T23:00:00Z', null],
  ['20.20.2', '2026-05-01T00:00:00Z', 'Node 20.20.2 has had no security fixes since 2026-04-30: install Node 24, '],
  ['22.1.0', '2026-11-30T00:00:00Z', null],
  ['25.0.0', '2026-11-30T00:00:00Z', 'Node 25.0.0 has had no security fixes since 2026-06-01: install Node 24, '],
  ['24.21.0', '2026-11-30T00:00:00Z', null],
  ['99.0.0', '2040-01-01T00:00:00Z', null],
])('says of Node %s at %s: %s', (version, day, words) => {
  const warning = warningFor(version, day);
  if (words === null) expect(warning).toBeNull();
  else expect(warning).toContain(words);
  expect(warning?.split('\n') ?? ['']).toHaveLength(1);
});

it('is said by npm start on standard error, before anything else, where it is true', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-node-'));
  // It refuses to run against UPS itself, so nothing is started.
  const { stdout, stderr, status } = spawnSync(process.execPath, ['scripts/start.mjs'], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], UPS_ENV: 'production', DATA_DIR: folder },
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true, force: true });
  const warning = warningFor(process.versions.node, new Date().toISOString());
  expect(status).toBe(1);
  expect(stderr.startsWith(`${warning ?? ''}\n`)).toBe(true);
  expect(stderr).toContain('UPS_ENV is production');
  expect(stdout).not.toContain('security fixes');
});

it('is not said by what runs the tests', () => {
  for (const script of ['scripts/test.mjs', 'scripts/verify.mjs', 'scripts/install.mjs'])
    expect(textOf(script)).not.toContain('warningFor');
});
