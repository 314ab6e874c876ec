/**
 * Adding an account to the UPS profile: UPS has no API for it, so each try is opened here, checked before it is spent there,
 * and told of afterwards. Tries made elsewhere are not known: what is left here is at most what is left at UPS.
 */

import { DAY_MS } from '../../durations';
import type { AccountData } from '../../machines/data';
import { countingVerifications } from '../../machines/definition';
import { PROFILE_ATTEMPTS } from '../../machines/vocabulary';
import { instant, instantOrNull } from '../present';
import { Refusal } from '../problems';
import { actorOf, type TenantCaller } from '../roles';
import type { ProfileVerificationJson } from '../schemas/answers';
import { dateFault, type ProfileVerificationInput } from '../schemas/profileVerifications';
import { loadAccount } from './accounts';
import { action } from './action';

export interface Attempts {
  /** At most so many: others may have been spent on ups.com. */
  attemptsLeft: number;
  /** When the next may be opened; null while one may be opened now. */
  windowOpensAt: number | null;
}

function attemptsOf(data: AccountData, at: number): Attempts {
  const counting = countingVerifications(data, at);
  const [first] = counting;
  const attemptsLeft = Math.max(0, PROFILE_ATTEMPTS - counting.length);
  return { attemptsLeft, windowOpensAt: attemptsLeft === 0 && first ? first.openedAt + DAY_MS : null };
}

function present(data: AccountData, n: number, at: number): ProfileVerificationJson {
  const { attemptsLeft, windowOpensAt } = attemptsOf(data, at);
  const found = data.profileVerifications.find((one) => one.n === n);
  return {
    n,
    method: found?.method ?? 'invoice',
    openedAt: instant(found?.openedAt ?? at),
    accepted: found?.accepted ?? null,
    attemptsLeft,
    windowOpensAt: instantOrNull(windowOpensAt),
  };
}

function exhausted(data: AccountData, at: number): Refusal {
  const { windowOpensAt } = attemptsOf(data, at);
  const opensAt = instantOrNull(windowOpensAt);
  return new Refusal(
    'verification-attempts-exhausted',
    `UPS allows ${PROFILE_ATTEMPTS} tries in 24 hours, and they are used up. The next is possible at ${opensAt ?? 'once'}.`,
    { retryAfterSeconds: ((windowOpensAt ?? at) - at) / 1000, more: { windowOpensAt: opensAt } },
  );
}

/** What the invoice says has been checked with the input, and goes no further. */
export const openProfileVerification = action(
  'write',
  async (
    { runtime, clock },
    caller: TenantCaller,
    { id, input }: { id: string; input: ProfileVerificationInput },
  ): Promise<ProfileVerificationJson> => {
    const fault = input.invoiceDate === undefined ? null : dateFault(input.invoiceDate, clock.now());
    if (fault !== null) throw new Refusal('invalid-input', fault, { field: 'invoiceDate' });
    const event = { type: 'PROFILE_VERIFICATION_OPENED', method: input.method };
    const { verdict, document } = await runtime.dispatch(id, event, {
      tenantId: caller.tenantId,
      actor: actorOf(caller),
    });
    const at = clock.now();
    if (verdict !== 'applied') throw exhausted(document.data, at);
    return present(document.data, document.data.profileVerifications.at(-1)?.n ?? 1, at);
  },
);

/** How a try went, as the merchant says. Said again it changes nothing; something else is refused. */
export const endProfileVerification = action(
  'write',
  async (
    services,
    caller: TenantCaller,
    { id, n, accepted }: { id: string; n: number; accepted: boolean },
  ): Promise<ProfileVerificationJson> => {
    const event = { type: 'PROFILE_VERIFICATION_ENDED', n, accepted };
    const options = { tenantId: caller.tenantId, actor: actorOf(caller) };
    const { document } = await services.runtime.dispatch(id, event, options);
    const found = document.data.profileVerifications.find((one) => one.n === n);
    if (!found) throw new Refusal('not-found', `There is no verification ${n} of this account.`);
    if (found.accepted !== accepted)
      throw new Refusal('outcome-known', `Verification ${n} was told to be ${found.accepted ? '' : 'not '}accepted.`, {
        field: 'accepted',
        wayOut: 'Open another verification for another try.',
      });
    return present(document.data, n, services.clock.now());
  },
);

export const listProfileVerifications = action(
  'read',
  async (services, caller: TenantCaller, { id }: { id: string }) => {
    const { data } = await loadAccount(services, caller, id);
    const at = services.clock.now();
    const { attemptsLeft, windowOpensAt } = attemptsOf(data, at);
    return {
      items: data.profileVerifications.map(({ n, method, openedAt, accepted }) => ({
        ...{ n, method, accepted },
        openedAt: instant(openedAt),
      })),
      attemptsLeft,
      windowOpensAt: instantOrNull(windowOpensAt),
    };
  },
);
