/** The runtime's errors: one class a meaning, each with a stable code. */

/** The store did not answer, or not in time: whether a write happened is unknown. Try again later. */
export class StoreUnavailable extends Error {
  readonly code = 'store-unavailable';
}

/** Too many others wrote the same document, or writes stayed unanswered, for as long as a caller should wait. */
export class TooBusy extends Error {
  readonly code = 'too-busy';
}

export class NotFound extends Error {
  readonly code = 'not-found';
}

/** For a catch: what is not there is null, any other error goes on. */
export const unlessMissing = (error: unknown): null => {
  if (error instanceof NotFound) return null;
  throw error;
};

/** A client used one event id for two different events. */
export class EventIdReused extends Error {
  readonly code = 'event-id-reused';
}

/** The document was written by a newer machine than ours: a newer process will take care of it. */
export class NewerVersion extends Error {
  readonly code = 'newer-version';
}

/** The machine asked for something the runtime does not make durable, or a document contradicts its machine: a bug. */
export class MachineFault extends Error {
  readonly code: string = 'machine-fault';
}

/**
 * A stored account does not fit the machine that is to carry it on: it is left alone, as it is, until a machine comes that
 * fits. Nothing of it was written.
 */
export class MachineMismatch extends MachineFault {
  override readonly code = 'machine-mismatch';

  constructor(
    message: string,
    /** What differs, a sentence each. */
    readonly misfits: readonly string[],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
