export * from './types';
export { makeUpsClient, type UpsClientOptions } from './client';
export { GATE_DEFAULTS, makeGate, type GateOptions } from './gate';
export { makeUpsFigures } from './figures';
export { NO_SUCH_SERVICE } from './meaning';
export { challengeOf, makePkce } from './pkce';
export { systemClock } from './clock';
export type { Wire, WireAnswer, WireRequest } from './wire';
