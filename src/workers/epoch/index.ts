export { makeEpochFigures } from './figures';
export { judge, type Disagreement } from './judge';
export { makeEpoch, startEpoch, type Epoch } from './keeper';
export { makeVolume, type Held, type Volume } from './volume';
