export { assertWritable, makeDiskPlace, writeWhole } from './disk';
export { makeSpoolFigures, type SpoolFigures } from './figures';
export { makePickUp, startPickUp, type PickUp, type PickUpParts } from './pick-up';
export type { Found, SecondPlace } from './place';
export { makeRecall, type Recall, type Sought } from './recall';
export { makeRedisPlace, type RedisPlace } from './redis';
export { makeSpool, type Hold, type Spool, type SpoolParts } from './spool';
