/**
 * What each machine version is (shape.ts), kept for ever: a machine that is no longer its pin is another one, and needs a
 * version of its own. `npm run generate` writes the file of a version that has none.
 */

import { accountMachine, MACHINE_VERSION } from './account';
import v1 from './pins/v1.json';
import { probes } from './probes';
import { changeOf, fingerprintOf, shapeOf } from './shape';

export const pins: Readonly<Record<number, readonly string[]>> = { 1: v1 };

export const machineShape: readonly string[] = shapeOf(accountMachine, probes);

/** Written into every document, beside the version. */
export const machineFingerprint: string = fingerprintOf(machineShape);

/** Asked before anything is opened: a process with a machine that nobody has numbered carries no account. */
export function assertPinned(shape = machineShape, version = MACHINE_VERSION, known = pins): void {
  const pinned = known[version];
  if (!pinned)
    throw new Error(
      `Machine version ${version} is not pinned: run npm run generate, and name its file in src/machines/pins.ts.`,
    );
  const change = changeOf(pinned, shape);
  if (change === null) return;
  const lines = [...change.gone.map((line) => `- ${line}`), ...change.added.map((line) => `+ ${line}`)];
  throw new Error(
    [
      `The machine is not what was pinned as version ${version}:`,
      ...lines,
      'Raise MACHINE_VERSION (src/machines/account.ts), write the step to it (src/machines/versions.ts), and run npm run generate.',
    ].join('\n'),
  );
}
