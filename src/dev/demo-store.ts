import { DevError } from './context';
import type { OpenDemoStore } from './demo';

/** The service's own store, as seeding needs it. */
export const openDemoStore: OpenDemoStore = async () => {
  throw new DevError('The store that keeps tenants and keys is not part of this build.');
};
