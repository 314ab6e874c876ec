export { assertWritable, makeDiskPlace, writeWhole } from './disk';
export { makeSpoolFigures, type SpoolFigures } from './figures';
export { makePickUp, startPickUp, type PickUp } from './pick-up';
export type { SecondPlace } from './place';
export { makeRecall, type Recall, type Sought } from './recall';
export { makeRedisPlace } from './redis';
export { makeSpool, type Hold, type Spool } from './spool';
