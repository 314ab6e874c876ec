/** From a document and an event to the next document: pure, so that a lost race is decided again, not repaired. */

import { DAY_MS } from '../durations';
import { advance, allowedIn, begin, type MachineState, type PatchCall, type Step } from './advance';
import { MachineFault } from './errors';
import type { Definition, Document, Effect, Grave, Happening, OutboxEntry, PatchTools, Row, Secrets } from './types';

export interface Change {
  event: Happening;
  actor: string;
  eventId: string;
  bodyHash: string | null;
  secrets: Secrets;
  /** Whoever claims at once what the event starts, and then runs it in its own process. */
  claimBy: string | null;
  /** `<invocation key>#<attempt>` when the event is a result. */
  attemptId: string | null;
}

export interface Surroundings {
  at: number;
  seal: (
    about: { id: string; tenantId: string; field: string; grantId: string; generation: number },
    secret: string,
  ) => string;
  /** This process has seen history take the row, which is one of the document's outbox. */
  isRelayed: (document: Pick<Document, 'id' | 'outbox'>, row: Row) => boolean;
}

export type Decision<D, V> =
  | { taken: true; next: Document<D, V>; from: string | null; effects: Effect[]; started: string[] }
  | { taken: false; why: string | null };

/** A replay starts at the latest checkpoint, and rows before it may be forgotten. */
const CHECKPOINT_EVERY = 128;

/** How soon an outgoing row is looked after if the process that wrote it is gone; routine rows can wait. */
const RELAY_MS = 2_000;
const ROUTINE_RELAY_MS = DAY_MS;

/** When a row that is still in the outbox is looked after by whoever sweeps. */
export const relayAt = ({ row }: OutboxEntry): number => row.at + (row.routine ? ROUTINE_RELAY_MS : RELAY_MS);

/** What a claim adds to an invocation and to the host's data, or null if the host refuses it now. */
export function claimOf<D, V>(
  definition: Definition<D, V>,
  document: Document<D, V>,
  key: string,
  by: string,
  at: number,
): Document<D, V> | null {
  const invocation = document.invocations.find((one) => one.key === key);
  if (!invocation || (invocation.claim && invocation.claim.until > at)) return null;
  const attempt = (invocation.claim?.attempt ?? 0) + 1;
  const granted = definition.claim({ src: invocation.src, key, attempt, at, data: document.data });
  if (typeof granted === 'string') return null;
  const claimed = { ...invocation, claim: { by, attempt, until: granted.until }, retellAt: granted.until };
  const invocations = document.invocations.map((one) => (one.key === key ? claimed : one));
  return { ...document, data: granted.data, invocations };
}

/** Instants at which somebody must look at the document again (asserted by recomputing, never kept by hand). */
export function schedule<D, V>(definition: Definition<D, V>, document: Document<D, V>): Document<D, V> {
  const wake: number[] = [];
  const ups: { at: number; queue: string }[] = [];
  const place = (name: string, at: number) => {
    const queue = definition.queueOf(name);
    if (queue === null) wake.push(at);
    else ups.push({ at, queue });
  };
  for (const { event, dueAt } of document.timers) place(event, dueAt);
  for (const { src, retellAt } of document.invocations) place(src, retellAt);
  for (const entry of document.outbox) {
    // Routine rows ride with the next refresh, so they stand beside its timer: only one index entry moves.
    const beside = entry.row.routine ? ups[0]?.queue : undefined;
    if (beside === undefined) wake.push(relayAt(entry));
    else ups.push({ at: relayAt(entry), queue: beside });
  }
  const first = ups.sort((a, b) => a.at - b.at)[0];
  return {
    ...document,
    wakeAt: wake.length === 0 ? null : Math.min(...wake),
    upsAt: first?.at ?? null,
    upsQueue: first?.queue ?? null,
  };
}

function applyPatches<D, V>(definition: Definition<D, V>, data: D, calls: PatchCall[], tools: PatchTools): D {
  return calls.reduce((changed, { name, params }) => {
    const patch = definition.patches[name];
    if (!patch) throw new MachineFault(`no patch ${name}`);
    return patch.apply(changed, params, tools);
  }, data);
}

function sealer<D, V>(document: Document<D, V>, secrets: Secrets, around: Surroundings): PatchTools['seal'] {
  return (field, { grantId, generation }) => {
    const secret = secrets[field];
    if (secret === undefined) throw new MachineFault(`the secret ${field} did not come beside the event`);
    return around.seal({ id: document.id, tenantId: document.tenantId, field, grantId, generation }, secret);
  };
}

/**
 * The outbox after an event: rows history is known to have are dropped, the new one joins. It brings a checkpoint now and
 * then, and whenever another machine version wrote the row before: a replay then never asks this machine about that one's rows.
 */
function outboxWith<D, V>(
  document: Document<D, V>,
  row: Row,
  state: MachineState,
  around: Surroundings,
): OutboxEntry[] {
  const due = row.seq - document.checkpointSeq >= CHECKPOINT_EVERY || row.version !== document.version;
  const { seq, snapshot, timers } = state;
  const invocations = state.invocations.map(({ key, id, src, input }) => ({ key, id, src, input }));
  const checkpoint = due ? { seq, at: row.at, version: row.version, snapshot, timers, invocations } : null;
  const waiting = document.outbox.filter((entry) => !around.isRelayed(document, entry.row));
  return [...waiting, { row, checkpoint }];
}

function apply<D, V>(
  definition: Definition<D, V>,
  document: Document<D, V>,
  step: Extract<Step, { taken: true }>,
  change: Change & { facts: object; from: string | null },
  around: Surroundings,
): Document<D, V> {
  const { state, outgoing, patches, started } = step;
  const tools: PatchTools = { at: around.at, seq: state.seq, seal: sealer(document, change.secrets, around) };
  const data = applyPatches(definition, document.data, patches, tools);
  const row: Row = {
    seq: state.seq,
    at: around.at,
    event: change.event,
    facts: change.facts,
    actor: change.actor,
    from: change.from,
    to: definition.stateName(state.snapshot.value),
    eventId: change.eventId,
    bodyHash: change.bodyHash,
    routine: definition.isRoutine(change.event),
    version: definition.version,
    outgoing,
  };
  const outbox = outboxWith(document, row, state, around);
  let next: Document<D, V> = {
    ...document,
    ...state,
    rev: document.rev + 1,
    version: definition.version,
    shape: definition.shape ?? null,
    outbox,
    checkpointSeq: outbox.at(-1)?.checkpoint ? state.seq : document.checkpointSeq,
    data,
    view: definition.view(state.snapshot, data),
    updatedAt: around.at,
  };
  if (change.claimBy !== null)
    for (const key of started) next = claimOf(definition, next, key, change.claimBy, around.at) ?? next;
  return schedule(definition, next);
}

/** The document an event leads to, or why it is not taken. */
export function decide<D, V>(
  definition: Definition<D, V>,
  document: Document<D, V>,
  change: Change,
  around: Surroundings,
): Decision<D, V> {
  const { at } = around;
  const facts = definition.facts({
    id: document.id,
    at,
    data: document.data,
    event: change.event,
    attemptId: change.attemptId,
  });
  const step = advance(definition, document, change.event, at, facts);
  if (!step.taken) return step;
  const from = definition.stateName(document.snapshot.value);
  const next = apply(definition, document, step, { ...change, facts, from }, around);
  return { taken: true, next, from, effects: step.effects, started: step.started };
}

/** The first document of an account: seq 1, rev 1, or the next ones behind a grave. */
export function decideCreation<D, V>(
  definition: Definition<D, V>,
  about: { id: string; tenantId: string; data: D },
  change: Change,
  around: Surroundings,
  grave: Grave | null = null,
): Document<D, V> {
  const { at } = around;
  const facts = definition.facts({ id: about.id, at, data: about.data, event: change.event, attemptId: null });
  const step = begin(definition, at, facts, grave?.seq);
  const blank: Document<D, V> = {
    ...about,
    ...step.state,
    version: definition.version,
    shape: definition.shape ?? null,
    rev: grave?.rev ?? 0,
    firstSeq: step.state.seq,
    outbox: [],
    checkpointSeq: grave?.seq ?? 0,
    view: definition.view(step.state.snapshot, about.data),
    wakeAt: null,
    upsAt: null,
    upsQueue: null,
    createdAt: at,
    updatedAt: at,
  };
  return apply(definition, blank, step, { ...change, facts, from: null }, around);
}

export const allowed = <D, V>(definition: Definition<D, V>, document: Document<D, V>): string[] =>
  allowedIn(definition, document);
