export { makeSharedCircuits, type SharedCircuits } from './circuits';
export { lookAtOutages, startOutages, type OutagesParts } from './keeper';
export { stateOf } from './wave';
export { makeWaves, type WaveEars, type Waves } from './waves';
