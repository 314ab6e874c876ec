import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../src/config';

const root = path.join(__dirname, '..', '..');

/** The plugin, or the program that came before it where that one is not too old for the file. */
const compose = [['docker', 'compose'], ['docker-compose']].find(([command = '', ...args]) => {
  const { status, stdout } = spawnSync(command, [...args, 'version', '--short'], { encoding: 'utf8' });
  return status === 0 && /^v?(1\.29|[2-9]|\d\d)/.test(stdout);
});
const whereDockerIs = compose === undefined ? it.skip : it;

const settings = {
  PUBLIC_URL: 'https://accounts.example.com',
  UPS_ENV: 'production',
  UPS_CLIENT_ID: 'client',
  UPS_CLIENT_SECRET: 'hush',
  ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
};

const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-compose-'));
/** Instead of the .env of whoever runs the tests. */
const noSettings = path.join(folder, 'none.env');
beforeAll(() => writeFileSync(noSettings, ''));
afterAll(() => rmSync(folder, { recursive: true }));

function run(args: readonly string[], env: Record<string, string>): string {
  const [command = '', ...first] = compose ?? [];
  const inherited = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
  return execFileSync(command, [...first, '--env-file', noSettings, ...args], {
    cwd: root,
    env: { ...inherited, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('docker-compose.yml', () => {
  whereDockerIs('is a file docker compose takes, with every service in it', () => {
    const services = run(['config', '--services'], settings).trim().split('\n').sort();
    expect(services).toEqual([
      ...['api', 'mongodb-1', 'mongodb-2', 'mongodb-3', 'mongodb-init', 'redis', 'scheduler', 'worker'],
    ]);
  });

  whereDockerIs.each(Object.keys(settings))('refuses to start without %s', (name) => {
    expect(() => run(['config'], { ...settings, [name]: '' })).toThrow(name);
  });

  it('listens on every address of its container, whatever HOST a shell exports', () => {
    expect(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')).not.toMatch(/\bHOST\b/);
    expect(readFileSync(path.join(root, 'Dockerfile'), 'utf8')).not.toMatch(/\bHOST\b/);
    expect(loadConfig({ ...settings, MONGODB_URL: 'mongodb://m', REDIS_URL: 'redis://r' }).host).toBeNull();
  });

  it('names no variable the service does not know, and sets every one it cannot do without', () => {
    const text = readFileSync(path.join(root, 'docker-compose.yml'), 'utf8');
    const block = /x-environment:[^]*?\n\n/.exec(text)?.[0] ?? '';
    const names = [...block.matchAll(/^ {2}([A-Z_]+):/gm)].map((match) => match[1] ?? '');
    const known = readFileSync(path.join(root, 'src', 'config.ts'), 'utf8');
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) expect(known).toContain(`  ${name}: `);
    const given = {
      MONGODB_URL: 'mongodb://mongodb-1,mongodb-2/upslink?replicaSet=upslink',
      REDIS_URL: 'redis://redis:6379',
    };
    for (const role of ['api', 'worker', 'scheduler']) {
      expect(loadConfig({ ...settings, ...given, ROLE: role }).role).toBe(role);
      expect(text).toContain(`ROLE: ${role}`);
    }
  });
});
