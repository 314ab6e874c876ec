import { makeGate, type Admission, type GateOptions, type GateState, type Permit } from '../../src/ups';
import { makeStillClock } from './testServers';

const circuit = { threshold: 3, openMs: 1_000, longestOpenMs: 4_000 };
function open(options: Partial<GateOptions> = {}) {
  const clock = makeStillClock();
  const gate = makeGate(clock, { ups: circuit, client: circuit, ...options });
  return { clock, gate };
}
function permitOf(admission: Admission): Permit {
  if (!admission.ok) throw new Error(`refused: ${admission.why}`);
  return admission.permit;
}
const failed = { kind: 'ups-failed', why: '503' } as const;
const refused = { kind: 'client-refused', why: '10401' } as const;
const answered = { kind: 'answered' } as const;

describe('rate', () => {
  test('a burst passes, then as many a second as configured, and a refusal says when to come again', () => {
    const { gate, clock } = open({ requestsPerSecond: 10, burst: 2, reserve: 0 });
    permitOf(gate.admit('refresh'));
    permitOf(gate.admit('refresh'));
    expect(gate.admit('refresh')).toEqual({ ok: false, why: 'rate', retryAt: clock.now() + 100 });
    clock.move(99);
    expect(gate.admit('refresh')).toMatchObject({ ok: false });
    clock.move(1);
    permitOf(gate.admit('refresh'));
    clock.move(60_000);
    permitOf(gate.admit('refresh'));
    permitOf(gate.admit('refresh'));
    expect(gate.admit('refresh')).toMatchObject({ ok: false, why: 'rate' });
  });

  test('the reserve lets a waiting merchant pass when refreshes may not', () => {
    const { gate } = open({ requestsPerSecond: 1, burst: 10, reserve: 0.2 });
    for (let n = 0; n < 8; n += 1) permitOf(gate.admit('refresh'));
    expect(gate.admit('refresh')).toMatchObject({ ok: false, why: 'rate' });
    permitOf(gate.admit('token'));
    permitOf(gate.admit('rate', 'merchant'));
    expect(gate.admit('token')).toMatchObject({ ok: false, why: 'rate' });
  });

  test('comfort leaves its part to refreshes, and both leave theirs to merchants', () => {
    const { gate } = open({ requestsPerSecond: 1, burst: 10, reserve: 0.2, comfortReserve: 0.5, floor: 0 });
    for (let n = 0; n < 5; n += 1) permitOf(gate.admit('rate'));
    expect(gate.admit('rate')).toMatchObject({ ok: false, why: 'rate' });
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh'));
    expect(gate.admit('refresh')).toMatchObject({ ok: false, why: 'rate' });
    permitOf(gate.admit('rate', 'merchant'));
    permitOf(gate.admit('token'));
  });

  test('under a backlog that takes whatever comes free, refreshes get nearly all of it and comfort its floor', () => {
    const { gate, clock } = open({ requestsPerSecond: 100, burst: 100, floor: 0.05 });
    const passed = { rate: 0, refresh: 0 };
    for (let ms = 0; ms < 20_000; ms += 10) {
      // Comfort asks first every time, and for more than there is.
      for (const endpoint of ['rate', 'refresh'] as const)
        for (let n = 0; n < 3; n += 1) {
          const admission = gate.admit(endpoint);
          if (!admission.ok) continue;
          passed[endpoint] += 1;
          admission.permit.done(answered);
        }
      clock.move(10);
    }
    expect(passed.refresh).toBeGreaterThan(1_850);
    expect(passed.rate).toBeGreaterThanOrEqual(90);
    expect(passed.rate).toBeLessThanOrEqual(160);
  });

  test('peek takes nothing', () => {
    const { gate } = open({ requestsPerSecond: 1, burst: 1, reserve: 0 });
    for (let n = 0; n < 5; n += 1) expect(gate.peek('refresh')).toEqual({ ok: true });
    permitOf(gate.admit('refresh'));
    expect(gate.peek('refresh')).toMatchObject({ ok: false, why: 'rate' });
  });
});

describe('concurrency', () => {
  test('no more calls are under way than configured; a place is given back once, however often done is called', () => {
    const { gate } = open({ concurrent: 2, reserve: 0, comfortReserve: 0 });
    const first = permitOf(gate.admit('refresh'));
    permitOf(gate.admit('rate'));
    expect(gate.admit('refresh')).toMatchObject({ ok: false, why: 'concurrency' });
    first.done(answered);
    first.done(answered);
    expect(gate.state().inFlight).toBe(1);
    permitOf(gate.admit('refresh'));
    expect(gate.admit('refresh')).toMatchObject({ ok: false, why: 'concurrency' });
  });

  test('with the places that comfort may have taken, refreshes and merchants still find theirs', () => {
    const { gate } = open({ concurrent: 10, reserve: 0.2, comfortReserve: 0.5, floor: 0.1 });
    for (let n = 0; n < 5; n += 1) permitOf(gate.admit('rate'));
    expect(gate.admit('rate')).toMatchObject({ ok: false, why: 'concurrency' });
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh'));
    expect(gate.admit('refresh')).toMatchObject({ ok: false, why: 'concurrency' });
    permitOf(gate.admit('token'));
    permitOf(gate.admit('rate', 'merchant'));
    expect(gate.admit('token')).toMatchObject({ ok: false, why: 'concurrency' });
  });

  test('a place of the floor is there for comfort although refreshes hold all the others', () => {
    const { gate } = open({ concurrent: 10, reserve: 0.2, comfortReserve: 0.5, floor: 0.1 });
    for (let n = 0; n < 8; n += 1) permitOf(gate.admit('refresh'));
    permitOf(gate.admit('rate')).done(answered);
    expect(gate.admit('rate')).toMatchObject({ ok: false, why: 'concurrency' });
  });

  test('a small gate with a reserve still lets one refresh pass', () => {
    permitOf(open({ concurrent: 1, reserve: 0.5 }).gate.admit('refresh'));
    permitOf(open({ burst: 1, reserve: 0.5 }).gate.admit('refresh'));
  });
});

describe('Retry-After', () => {
  test("shuts the family that was asked to wait, and nobody else's, until then", () => {
    const { gate, clock } = open();
    permitOf(gate.admit('refresh')).done({ kind: 'limited', retryAfterMs: 5_000 });
    const until = clock.now() + 5_000;
    expect(gate.admit('refresh')).toEqual({ ok: false, why: 'retry-after', retryAt: until });
    expect(gate.admit('token')).toEqual({ ok: false, why: 'retry-after', retryAt: until });
    expect(gate.state().pausedUntil).toEqual({ oauth: until, rating: null });
    permitOf(gate.admit('rate')).done(answered);
    clock.move(5_000);
    permitOf(gate.admit('token'));
    expect(gate.state().pausedUntil.oauth).toBeNull();
  });

  test('a shorter wish does not shorten a longer one', () => {
    const { gate, clock } = open();
    const [first, second] = [permitOf(gate.admit('rate')), permitOf(gate.admit('rate'))];
    first.done({ kind: 'limited', retryAfterMs: 5_000 });
    second.done({ kind: 'limited', retryAfterMs: 1_000 });
    clock.move(4_999);
    expect(gate.admit('rate')).toMatchObject({ ok: false, why: 'retry-after' });
  });

  test('without it the pause doubles with every 429 in a row, and an answer makes it short again', () => {
    const { gate, clock } = open({ pauseMs: 100, longestPauseMs: 250 });
    const pauseMs = () => {
      permitOf(gate.admit('rate')).done({ kind: 'limited', retryAfterMs: null });
      const ms = (gate.state().pausedUntil.rating ?? 0) - clock.now();
      clock.move(ms);
      return ms;
    };
    expect([pauseMs(), pauseMs(), pauseMs(), pauseMs()]).toEqual([100, 200, 250, 250]);
    permitOf(gate.admit('rate')).done(answered);
    expect(pauseMs()).toBe(100);
  });

  test('being told to slow down is no failure of UPS', () => {
    const { gate } = open();
    for (let n = 0; n < 9; n += 1) {
      const permits = [permitOf(gate.admit('refresh'))];
      for (const permit of permits) permit.done({ kind: 'limited', retryAfterMs: 0 });
    }
    expect(gate.state().ups.state).toBe('closed');
  });
});

describe("UPS's circuit", () => {
  test('opens after so many failures in a row, for every endpoint', () => {
    const { gate, clock } = open();
    for (const endpoint of ['token', 'rate', 'refresh'] as const) permitOf(gate.admit(endpoint)).done(failed);
    const until = clock.now() + 1_000;
    expect(gate.state().ups).toEqual({
      state: 'open',
      until,
      why: '3 failures in a row, the last: 503',
      openMs: 1_000,
    });
    for (const endpoint of ['token', 'rate', 'refresh'] as const) {
      expect(gate.admit(endpoint)).toEqual({ ok: false, why: 'ups-circuit', retryAt: until });
    }
  });

  test('any answer between the failures keeps it closed', () => {
    const { gate } = open();
    for (let n = 0; n < 10; n += 1) permitOf(gate.admit('refresh')).done(n % 3 === 2 ? answered : failed);
    expect(gate.state().ups.state).toBe('closed');
  });

  test('half-open it lets one trial pass, whose success closes it', () => {
    const { gate, clock } = open();
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(failed);
    clock.move(1_000);
    expect(gate.state().ups.state).toBe('half-open');
    expect(gate.peek('refresh')).toEqual({ ok: true });
    const trial = permitOf(gate.admit('refresh'));
    expect(gate.admit('rate')).toMatchObject({ ok: false, why: 'ups-circuit' });
    trial.done(answered);
    expect(gate.state().ups).toEqual({ state: 'closed', until: null, why: null, openMs: 0 });
    permitOf(gate.admit('rate'));
  });

  test('a failed trial opens it for twice as long, up to a limit; a closed circuit starts anew', () => {
    const { gate, clock } = open();
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(failed);
    const openMs = () => (gate.state().ups.until ?? 0) - clock.now();
    const seen = [openMs()];
    for (let n = 0; n < 3; n += 1) {
      clock.move(openMs());
      permitOf(gate.admit('refresh')).done(failed);
      seen.push(openMs());
    }
    expect(seen).toEqual([1_000, 2_000, 4_000, 4_000]);
    clock.move(4_000);
    permitOf(gate.admit('refresh')).done(answered);
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(failed);
    expect(openMs()).toBe(1_000);
  });

  test('a trial that taught nothing leaves its place to the next', () => {
    const { gate, clock } = open();
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(failed);
    clock.move(1_000);
    permitOf(gate.admit('refresh')).done({ kind: 'nothing-learned' });
    expect(gate.state().ups.state).toBe('half-open');
    permitOf(gate.admit('refresh')).done(answered);
    expect(gate.state().ups.state).toBe('closed');
  });

  test('a success from before it opened does not close it', () => {
    const { gate } = open();
    const early = permitOf(gate.admit('rate'));
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(failed);
    early.done(answered);
    expect(gate.state().ups.state).toBe('open');
  });

  test('a failure from before it opened does not shut out the trial', () => {
    const { gate, clock } = open();
    const late = permitOf(gate.admit('rate'));
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(failed);
    clock.move(1_000);
    late.done(failed);
    expect(gate.state().ups.state).toBe('half-open');
    permitOf(gate.admit('refresh'));
  });
});

describe("our client's circuit", () => {
  test('shuts the endpoint that refused our client; the others and UPS itself stay open', () => {
    const { gate } = open();
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(refused);
    expect(gate.admit('refresh')).toMatchObject({ ok: false, why: 'client-circuit' });
    expect(gate.state().client.refresh).toMatchObject({ state: 'open', why: '3 failures in a row, the last: 10401' });
    expect(gate.state().ups.state).toBe('closed');
    permitOf(gate.admit('token')).done(answered);
    permitOf(gate.admit('rate')).done(answered);
    expect(gate.state().client.refresh.state).toBe('open');
  });

  test('at /Rate it takes more, for a bearer may be refused for its own sake', () => {
    const { gate } = open({ bearer: { ...circuit, threshold: 4 } });
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('rate')).done(refused);
    expect(gate.state().client.rate.state).toBe('closed');
    permitOf(gate.admit('rate')).done(refused);
    expect(gate.state().client.rate.state).toBe('open');
    permitOf(gate.admit('refresh'));
  });

  test('closes by one trial that UPS takes', () => {
    const { gate, clock } = open();
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(refused);
    clock.move(1_000);
    permitOf(gate.admit('refresh')).done(answered);
    expect(gate.state().client.refresh.state).toBe('closed');
  });

  test("a trial that meets UPS's own outage says nothing of our client, and its place is free again", () => {
    const { gate, clock } = open();
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(refused);
    clock.move(1_000);
    permitOf(gate.admit('refresh')).done(failed);
    expect(gate.state().client.refresh.state).toBe('half-open');
    expect(gate.peek('refresh')).toEqual({ ok: true });
  });
});

describe('subscribers', () => {
  test('are told of circuits and pauses until they leave', () => {
    const { gate, clock } = open();
    const told: GateState[] = [];
    const leave = gate.subscribe((state) => told.push(state));
    for (let n = 0; n < 3; n += 1) permitOf(gate.admit('refresh')).done(failed);
    expect(told.map((state) => state.ups.state)).toEqual(['open']);
    clock.move(1_000);
    permitOf(gate.admit('refresh')).done({ kind: 'limited', retryAfterMs: 500 });
    expect(told.at(-1)).toMatchObject({ ups: { state: 'closed' }, pausedUntil: { oauth: clock.now() + 500 } });
    const before = told.length;
    leave();
    permitOf(gate.admit('rate')).done({ kind: 'limited', retryAfterMs: 500 });
    expect(told).toHaveLength(before);
  });

  test('one that throws changes nothing for the call', () => {
    const { gate } = open();
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    gate.subscribe(() => {
      throw new Error('broken listener');
    });
    permitOf(gate.admit('rate')).done({ kind: 'limited', retryAfterMs: 500 });
    expect(gate.state().pausedUntil.rating).not.toBeNull();
    expect(warned).toHaveBeenCalledTimes(1);
    warned.mockRestore();
  });
});
