import type { AccountContext } from '../../src/machines/context';
import { DAY, HOUR, buildAccount, MINUTE, SECRET, standing, T0, upsAnswer, type BuiltAccount } from './accountBuilder';

const context = (account: BuiltAccount) => account.now().snapshot.context as AccountContext;
const keyState = (account: BuiltAccount) => (account.now().snapshot.value as { key: string }).key;
const ringing = (account: BuiltAccount) =>
  account.now().timers.map(({ event, dueAt }) => [event.split('.')[2], dueAt - T0]);
const lastTold = (account: BuiltAccount) => account.rows.at(-1)?.outgoing ?? [];

/** Whatever the merchant did wrong at UPS, in the word the consent ends with. */
const trips: Record<string, (account: BuiltAccount) => void> = {
  denied: (account) => void account.send({ type: 'CONSENT_REFUSED', consentId: 'g1', end: 'denied' }),
  lapsed: (account) => account.fireTimer('consentTtl'),
  cancelled: (account) => void account.send({ type: 'CANCEL_AUTHORIZATION' }),
  'not-in-profile': (account) => {
    account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
    account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
    account.finish('verify', { kind: 'not-in-profile', ups: null });
  },
  interrupted: (account) => {
    account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
    account.finish('exchange', { kind: 'interrupted', ups: null });
  },
};

describe.each([
  ['in one go', false],
  ['with all memory dropped between events', true],
])('%s', (_, forgetful) => {
  const imported = (keyWorksForMs = 60 * DAY) => buildAccount({ forgetful, keyWorksForMs });
  const migrated = (graceMs = 0) => {
    const account = imported();
    account.migrate('g1', graceMs);
    account.comeBack('g1');
    return account;
  };

  describe('an account of the XML era', () => {
    it('comes in connected on its access key, sealed, with nothing to refresh and nothing to check', () => {
      const account = imported();
      expect(standing(account)).toBe('connected.access-key');
      expect(context(account)).toMatchObject({ scheme: 'access-key', reason: null, current: null });
      expect(account.now().data.accessKey?.sealed).toMatch(/^sealed:/);
      expect(JSON.stringify(account.now())).not.toContain(SECRET);
      expect(account.now().upsAt).toBeNull();
      expect(account.rows[0]).toMatchObject({ seq: 1, from: null, to: 'connected', event: { type: 'IMPORT' } });
      expect(account.outgoingTypes()).toEqual(['account.created']);
      for (const type of ['REFRESH', 'VERIFY', 'REACTIVATE'])
        expect(account.send({ type })).toEqual({ taken: false, why: null });
    });

    it('comes in disconnected when its deadline has passed, and takes no reminder', () => {
      const account = imported(-DAY);
      expect(standing(account)).toBe('disconnected');
      expect(context(account)).toMatchObject({ scheme: 'access-key', reason: 'access-key-sunset' });
      expect(account.outgoingTypes()).toEqual(['account.created', 'account.disconnected']);
      expect(account.now().timers).toEqual([]);
      expect(account.send({ type: 'POSTPONE', until: T0 + DAY })).toEqual({ taken: false, why: null });
    });

    it('is disconnected at its deadline', () => {
      const account = imported();
      account.fireTimer('keyDeadline');
      expect(account.clock()).toBe(T0 + 60 * DAY);
      expect(standing(account)).toBe('disconnected');
      expect(context(account).reason).toBe('access-key-sunset');
      expect(account.outgoingTypes().at(-1)).toBe('account.disconnected');
    });

    it('tells 30, 14, 7 and 1 days before the deadline, once each', () => {
      const account = imported();
      const told = [30, 14, 7, 1].map((days) => {
        account.fireTimer('keyNotice');
        expect(account.clock()).toBe(T0 + (60 - days) * DAY);
        return lastTold(account)[0];
      });
      expect(told.map((one) => one?.data['daysLeft'])).toEqual([30, 14, 7, 1]);
      expect(new Set(told.map((one) => one?.type))).toEqual(new Set(['account.expiring']));
      expect(ringing(account)).toContainEqual(['keyDeadline', 60 * DAY]);
      account.fireTimer('keyDeadline');
      expect(account.now().timers).toEqual([]);
    });

    it('tells of no day that had passed when it came in', () => {
      const account = imported(10 * DAY);
      account.fireTimer('keyNotice');
      expect(account.clock()).toBe(T0 + 3 * DAY);
      expect(lastTold(account)[0]?.data).toMatchObject({ daysLeft: 7, because: 'deadline' });
    });

    it('comes back on the day it was postponed to, and is not postponed past the deadline', () => {
      const account = imported();
      for (const until of [T0 + 60 * DAY, T0 + 61 * DAY])
        expect(account.send({ type: 'POSTPONE', until })).toEqual({ taken: false, why: 'past-deadline' });
      account.send({ type: 'POSTPONE', until: T0 + 5 * DAY });
      expect(context(account).accessKey?.remindAt).toBe(T0 + 5 * DAY);
      account.send({ type: 'POSTPONE', until: T0 + 6 * DAY });
      account.fireTimer('keyReminder');
      expect(account.clock()).toBe(T0 + 6 * DAY);
      expect(lastTold(account)[0]).toMatchObject({ type: 'account.expiring', data: { because: 'reminder' } });
      expect(context(account).accessKey?.remindAt).toBeNull();
      expect(standing(account)).toBe('connected.access-key');
    });

    it('follows a deadline that is moved, to and fro', () => {
      const account = imported();
      account.send({ type: 'DEADLINE_MOVED', deadlineAt: T0 + 10 * DAY });
      expect(ringing(account)).toContainEqual(['keyDeadline', 10 * DAY]);
      expect(account.send({ type: 'DEADLINE_MOVED', deadlineAt: T0 + 10 * DAY }).taken).toBe(false);
      account.send({ type: 'DEADLINE_MOVED', deadlineAt: T0 - DAY });
      expect(standing(account)).toBe('disconnected');
      expect(context(account).reason).toBe('access-key-sunset');
      account.send({ type: 'DEADLINE_MOVED', deadlineAt: T0 + DAY });
      expect(standing(account)).toBe('connected.access-key');
      expect(account.outgoingTypes().slice(-2)).toEqual(['account.disconnected', 'account.connected']);
    });

    it('disconnected by an operator keeps its key, which is not handed out, and can be migrated', () => {
      const account = imported();
      expect(account.send({ type: 'ACCESS_KEY_READ' }).taken).toBe(true);
      account.send({ type: 'DISCONNECT', note: 'n' });
      expect(context(account).reason).toBe('disconnected-by-operator');
      expect(account.send({ type: 'ACCESS_KEY_READ' })).toEqual({ taken: false, why: 'no-access-key' });
      account.migrate();
      expect(standing(account)).toBe('migrating + awaiting');
      expect(account.send({ type: 'ACCESS_KEY_READ' })).toEqual({ taken: false, why: 'no-access-key' });
      trips['cancelled']?.(account);
      expect(context(account).reason).toBe('disconnected-by-operator');
    });

    it('deactivated loses its key at once, and the receipt follows', () => {
      const account = imported();
      account.send({ type: 'DEACTIVATE' });
      expect(standing(account)).toBe('inactive');
      expect(account.now().data.accessKey).toMatchObject({ sealed: null, fingerprint: 'f1' });
      for (const type of ['RESTORE_ACCESS_KEY', 'DEACTIVATE'])
        expect(account.send({ type })).toEqual({ taken: false, why: null });
      account.fireTimer('keyGrace');
      expect(account.clock()).toBe(T0);
      expect(account.rows.at(-1)).toMatchObject({ facts: { keyFingerprint: 'f1' }, to: 'inactive' });
      expect(account.now().data.accessKey).toBeNull();
    });
  });

  describe('a migration', () => {
    it('keeps the key until the new grant is proved, swaps in one write, and destroys the key with a receipt', () => {
      const account = imported();
      account.migrate();
      expect(standing(account)).toBe('migrating + awaiting');
      expect(account.outgoingTypes().at(-1)).toBe('account.migration-started');
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
      expect(account.now().data).toMatchObject({ current: null, accessKey: { fingerprint: 'f1' } });
      expect(account.send({ type: 'ACCESS_KEY_READ' }).taken).toBe(true);
      account.finish('verify', { kind: 'verified', ups: null });
      expect(standing(account)).toBe('connected.fresh');
      expect(context(account)).toMatchObject({ scheme: 'oauth', origin: null });
      expect(account.now().data).toMatchObject({ current: { grantId: 'g1' }, candidate: null });
      expect(account.outgoingTypes().slice(-2)).toEqual(['account.migrated', 'account.connected']);
      expect(account.send({ type: 'ACCESS_KEY_READ' }).taken).toBe(false);
      account.fireTimer('keyGrace');
      expect(account.clock()).toBe(T0);
      expect(account.now().data.accessKey).toBeNull();
      expect(keyState(account)).toBe('none');
      expect(account.rows.at(-1)?.facts).toMatchObject({ keyFingerprint: 'f1' });
    });

    it.each(Object.keys(trips))('that ends as %s leaves the account on its key, and says why', (end) => {
      const account = imported();
      const { since } = context(account);
      account.advanceBy(MINUTE);
      account.migrate();
      trips[end]?.(account);
      expect(standing(account)).toBe('connected.access-key');
      expect(context(account)).toMatchObject({ reason: null, since, scheme: 'access-key', candidate: null });
      expect(context(account).lastAuthorization?.outcome).toBe(end === 'lapsed' ? 'lapsed' : 'failed');
      expect(lastTold(account)).toMatchObject([
        { type: 'account.migration-failed', data: { reason: context(account).lastAuthorization?.reason } },
      ]);
      expect(account.now().data.accessKey?.sealed).not.toBeNull();
      expect(ringing(account)).toContainEqual(['keyDeadline', 60 * DAY]);
    });

    it('of an account that had lapsed goes back to where it stood, or connects it', () => {
      const account = imported(-DAY);
      account.migrate();
      trips['denied']?.(account);
      expect(standing(account)).toBe('disconnected');
      expect(context(account).reason).toBe('access-key-sunset');
      account.authorize('g2');
      expect(standing(account)).toBe('migrating + awaiting');
      account.comeBack('g2');
      expect(standing(account)).toBe('connected.fresh');
    });

    it('takes a newer link, from AUTHORIZE too, and not while a code is exchanged', () => {
      const account = imported();
      account.migrate('g1');
      account.authorize('g2');
      account.migrate('g3');
      expect(account.now().data.links.map(({ outcome }) => outcome)).toEqual(['replaced', 'replaced', null]);
      account.send({ type: 'CODE_RECEIVED', consentId: 'g3' });
      expect(account.migrate('g4')).toEqual({ taken: false, why: 'exchange-under-way' });
    });

    it('is ended by the deadline while the merchant is awaited, and that is what is told and kept', () => {
      const account = imported(HOUR / 4);
      account.migrate();
      account.fireTimer('keyDeadline');
      expect(standing(account)).toBe('disconnected');
      expect(context(account)).toMatchObject({ reason: 'access-key-sunset', consent: null });
      expect(context(account).lastAuthorization).toMatchObject({ outcome: 'failed', reason: 'access-key-sunset' });
      expect(account.now().data.links[0]).toMatchObject({ reason: 'access-key-sunset' });
      expect(lastTold(account)).toMatchObject([
        { type: 'account.migration-failed', data: { reason: 'access-key-sunset' } },
        { type: 'account.disconnected' },
      ]);
    });

    it.each([
      ['verified', 'connected.fresh', null],
      ['not-in-profile', 'disconnected', 'access-key-sunset'],
    ] as const)('is let end by a deadline that passes in the middle: %s', (kind, state, reason) => {
      const account = imported(HOUR);
      account.migrate();
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      account.fireTimer('keyDeadline');
      expect(standing(account)).toBe('migrating + exchanging');
      account.finish('exchange', { kind: 'tokens', tokens: account.tokens('g1', 1), ups: upsAnswer() });
      account.finish('verify', { kind, ups: null });
      expect(standing(account)).toBe(state);
      expect(context(account).reason).toBe(reason);
    });

    it('goes on when the deadline is moved back behind it', () => {
      const account = imported(-DAY);
      account.migrate();
      account.send({ type: 'DEADLINE_MOVED', deadlineAt: T0 + DAY });
      trips['cancelled']?.(account);
      expect(standing(account)).toBe('connected.access-key');
      expect(context(account).reason).toBeNull();
    });

    it('tells the notices and the reminder that fall due meanwhile', () => {
      const account = imported(30 * DAY + MINUTE);
      account.send({ type: 'POSTPONE', until: T0 + 2 * MINUTE });
      account.migrate();
      account.fireTimer('keyNotice');
      account.fireTimer('keyReminder');
      expect(standing(account)).toBe('migrating + awaiting');
      expect(account.outgoingTypes().slice(-2)).toEqual(['account.expiring', 'account.expiring']);
    });

    it('deactivated in the middle is closed, with the link, the code and the key', () => {
      const account = imported();
      account.migrate();
      account.send({ type: 'CODE_RECEIVED', consentId: 'g1' });
      account.send({ type: 'DEACTIVATE' });
      expect(standing(account)).toBe('inactive');
      expect(account.now()).toMatchObject({ invocations: [], data: { candidate: null, accessKey: { sealed: null } } });
    });
  });

  describe('a migration taken back', () => {
    it('brings the key back while the grace period lasts, and destroys the new tokens', () => {
      const account = migrated(2 * DAY);
      account.advanceBy(DAY);
      expect(account.send({ type: 'RESTORE_ACCESS_KEY' }).taken).toBe(true);
      expect(standing(account)).toBe('connected.access-key');
      expect(context(account)).toMatchObject({ scheme: 'access-key', current: null });
      expect(account.now().data.current).toBeNull();
      expect(account.send({ type: 'ACCESS_KEY_READ' }).taken).toBe(true);
      expect(ringing(account)).toContainEqual(['keyDeadline', 60 * DAY]);
    });

    it('is not possible where no grace period was asked for, after it, or past the deadline', () => {
      expect(migrated(0).send({ type: 'RESTORE_ACCESS_KEY' })).toEqual({ taken: false, why: 'no-access-key' });
      const late = migrated(2 * DAY);
      late.fireTimer('keyGrace');
      expect(late.clock()).toBe(T0 + 2 * DAY);
      expect(late.send({ type: 'RESTORE_ACCESS_KEY' })).toEqual({ taken: false, why: null });
      const lapsed = migrated(90 * DAY);
      expect(ringing(lapsed)).toContainEqual(['keyGrace', 60 * DAY]);
    });

    it('works in the middle of a refresh, whose answer then finds nothing of its own', () => {
      const account = migrated(2 * DAY);
      account.fireTimer('refreshDue');
      account.claim('refresh');
      account.send({ type: 'RESTORE_ACCESS_KEY' });
      expect(standing(account)).toBe('connected.access-key');
      expect(account.now().invocations).toEqual([]);
    });

    it('works for an account that was lost since', () => {
      const account = migrated(5 * DAY);
      account.send({ type: 'DISCONNECT', note: 'n' });
      account.send({ type: 'RESTORE_ACCESS_KEY' });
      expect(standing(account)).toBe('connected.access-key');
      expect(account.outgoingTypes().at(-1)).toBe('account.connected');
    });
  });

  describe('adding the account to a UPS profile', () => {
    it('is tried three times in 24 hours, then again when the first of them is a day old', () => {
      const account = buildAccount({ forgetful });
      const open = () => account.send({ type: 'PROFILE_VERIFICATION_OPENED', method: 'invoice' });
      for (let hour = 0; hour < 3; hour++, account.advanceBy(HOUR)) expect(open().taken).toBe(true);
      expect(open()).toEqual({ taken: false, why: 'attempts-exhausted' });
      account.advanceBy(21 * HOUR - 1);
      expect(open().taken).toBe(false);
      account.advanceBy(1);
      expect(open().taken).toBe(true);
      expect(open().taken).toBe(false);
      expect(account.now().data.profileVerifications.map(({ n }) => n)).toEqual([1, 2, 3, 4]);
    });

    it('has one outcome a try', () => {
      const account = buildAccount({ forgetful });
      account.send({ type: 'PROFILE_VERIFICATION_OPENED', method: 'pin' });
      expect(account.send({ type: 'PROFILE_VERIFICATION_ENDED', n: 2, accepted: true }).taken).toBe(false);
      expect(account.send({ type: 'PROFILE_VERIFICATION_ENDED', n: 1, accepted: false }).taken).toBe(true);
      expect(account.send({ type: 'PROFILE_VERIFICATION_ENDED', n: 1, accepted: true }).taken).toBe(false);
      expect(account.now().data.profileVerifications).toMatchObject([{ n: 1, method: 'pin', accepted: false }]);
    });
  });
});
