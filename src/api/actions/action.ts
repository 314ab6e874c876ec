/** What may be asked of the service: one function each, for routes and pages alike, with the right it needs. */

import { assertMay, type Caller, type Permission } from '../roles';
import type { Services } from '../services';

export interface Action<C extends Caller, Input, Output> {
  (services: Services, caller: C, input: Input): Promise<Output>;
  readonly needs: Permission;
}

/** The input is valid already; the caller's right is looked at here, so that no page can forget it. */
export function action<C extends Caller, Input, Output>(
  needs: Permission,
  run: (services: Services, caller: C, input: Input) => Promise<Output>,
): Action<C, Input, Output> {
  const guarded = async (services: Services, caller: C, input: Input): Promise<Output> => {
    assertMay(caller, needs);
    return run(services, caller, input);
  };
  return Object.assign(guarded, { needs });
}
