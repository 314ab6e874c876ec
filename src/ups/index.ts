export * from './types';
export { makeUpsClient, TIMEOUT_DEFAULTS, type UpsClientOptions } from './client';
export { GATE_DEFAULTS, makeGate, type GateOptions } from './gate';
export { makeUpsFigures, type UpsFigures } from './figures';
export { NO_SUCH_SERVICE } from './meaning';
export { challengeOf, makePkce, type Pkce } from './pkce';
export { systemClock } from './clock';
export type { Wire, WireAnswer, WireRequest } from './wire';
