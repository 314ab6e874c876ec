export { makeSharedCircuits, type SharedCircuits } from './circuits';
export { lookAtOutages, startOutages } from './keeper';
export { stateOf } from './wave';
export { makeWaves, type WaveEars, type Waves } from './waves';
