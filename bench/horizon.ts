/** `npm run bench:horizon`: 120 simulated days of keeping accounts alive; the curve is written to docs/horizon.svg. */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { simulateMonths } from '../test/simulation/horizonRun';

const DAYS = 120;
const EAGER = 5;
const LAZY = Number(process.env['BENCH_ACCOUNTS'] ?? 3_000);
const say = (line: string) => void process.stdout.write(`${line}\n`);

const WIDTH = 720;
const HEIGHT = 150;
const LEFT = 44;
const BAR = (WIDTH - LEFT) / DAYS;

function panel(title: string, counts: number[], top: number): string {
  const most = Math.max(...counts);
  const bars = counts.map((count, day) => {
    const height = (count / most) * HEIGHT;
    const [x, y] = [LEFT + day * BAR, top + 26 + HEIGHT - height];
    return `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(BAR - 1).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  });
  return [
    `<text x="${LEFT}" y="${top + 14}">${title}</text>`,
    `<text x="${LEFT - 6}" y="${top + 34}" text-anchor="end">${most}</text>`,
    `<text x="${LEFT - 6}" y="${top + 26 + HEIGHT}" text-anchor="end">0</text>`,
    `<g fill="#3b6ea5">${bars.join('')}</g>`,
  ].join('\n');
}

function figures(name: string, counts: number[]): string {
  const after = counts.slice(1);
  const mean = after.reduce((sum, one) => sum + one, 0) / after.length;
  const [least, most] = [Math.min(...after), Math.max(...after)];
  const ratio = (most / mean).toFixed(2);
  return `${name}: mean ${mean.toFixed(1)} a day from the second on, least ${least}, most ${most} (${ratio} of the mean)`;
}

async function main(): Promise<void> {
  const begun = Date.now();
  const progress = (day: number) => {
    if (day % 10 === 0) say(`${((Date.now() - begun) / 1_000).toFixed(0)} s: day ${day} of ${DAYS}`);
  };
  const { eager, lazy, told, unconnected, violations } = await simulateMonths({
    ...{ days: DAYS, eager: EAGER, lazy: LAZY, progress },
  });
  say(figures(`${EAGER} eager accounts`, eager));
  say(figures(`${LAZY} lazy accounts`, lazy));
  say(`told: ${JSON.stringify(told)}; not connected at the end: ${unconnected}; violations: ${violations.length}`);
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${2 * (HEIGHT + 50)}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>Refresh tokens sent to UPS by the day, over ${DAYS} days</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    panel(`${LAZY} idle accounts, all connected on day 0: refresh tokens sent by the day`, lazy, 0),
    panel(`${EAGER} eager accounts`, eager, HEIGHT + 50),
    '</svg>',
  ].join('\n');
  writeFileSync(path.join(__dirname, '..', 'docs', 'horizon.svg'), `${svg}\n`);
  process.exitCode = violations.length === 0 && unconnected === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
