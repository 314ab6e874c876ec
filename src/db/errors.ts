/** What the driver throws, translated once: did the store answer, or not? */

import mongoose, { mongo } from 'mongoose';
import { StoreUnavailable } from '../durable/errors';

const DUPLICATE_KEY = 11_000;

/** Answers that say the server could not do it now, or could not tell whether it is safe; by MongoDB's error codes. */
const NOT_NOW = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  50, // MaxTimeMSExpired
  64, // WriteConcernTimeout
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern
  112, // WriteConflict
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  262, // ExceededTimeLimit
  9001, // SocketException
  10_058, // LegacyNotPrimary
  10_107, // NotWritablePrimary
  11_600, // InterruptedAtShutdown
  11_602, // InterruptedDueToReplStateChange
  13_435, // NotPrimaryNoSecondaryOk
  13_436, // NotPrimaryOrSecondary
]);

const UNANSWERED = [
  mongo.MongoNetworkError,
  mongo.MongoSystemError,
  mongo.MongoWriteConcernError,
  mongo.MongoOperationTimeoutError,
  mongo.MongoNotConnectedError,
  mongo.MongoTopologyClosedError,
  mongo.MongoClientClosedError,
  mongoose.Error.MongooseServerSelectionError,
];

/** The pool's own errors are not exported by the driver. */
const POOL_ERRORS = ['MongoWaitQueueTimeoutError', 'MongoPoolClearedError', 'MongoPoolClosedError'];

/**
 * Node's own errors of a socket, which the driver passes on as they are when a command is written to a connection that the
 * server has just closed. Taken for a bug, they would cost an answer of UPS that waits to be stored.
 */
const SOCKET_ERRORS = new Set([
  ...['EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'ETIMEDOUT', 'ENOTCONN', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_SOCKET_CLOSED'],
]);

const isSocketError = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && SOCKET_ERRORS.has(String(error.code));

/** No answer, or one that does not tell whether it happened. */
export function isUnanswered(error: unknown): boolean {
  if (isSocketError(error)) return true;
  if (!(error instanceof Error)) return false;
  if (UNANSWERED.some((kind) => error instanceof kind) || POOL_ERRORS.includes(error.name)) return true;
  if (error instanceof mongo.MongoBulkWriteError) {
    // Of a bulk the driver wraps whatever went wrong, a broken connection too.
    if (isUnanswered(error.errorResponse)) return true;
    if (error.result.getWriteConcernError() !== undefined) return true;
  }
  if (!(error instanceof mongo.MongoServerError)) return false;
  return NOT_NOW.has(Number(error.code)) || error.hasErrorLabel('RetryableWriteError');
}

export const isDuplicate = (error: unknown): boolean =>
  error instanceof mongo.MongoServerError && error.code === DUPLICATE_KEY;

/** Awaits one operation; rejects with StoreUnavailable when it was not answered, and as it is for a bug. */
export async function answered<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    throw new StoreUnavailable('MongoDB did not answer in time. Nothing is lost; try again shortly.', { cause: error });
  }
}

/** Awaits an unordered insertMany; documents that are there already are done. */
export async function insertedOrThere(operation: Promise<unknown>): Promise<void> {
  try {
    await answered(operation);
  } catch (error) {
    if (duplicatesIn(error) === null) throw error;
  }
}

/**
 * Of an unordered bulk that was answered: which of its items were refused because they are there already, by their place.
 * Null when the answer was another one.
 */
export function duplicatesIn(error: unknown): Set<number> | null {
  if (!(error instanceof mongo.MongoBulkWriteError) || isUnanswered(error)) return null;
  const refused = [error.writeErrors].flat();
  if (refused.length === 0 || refused.some(({ code }) => code !== DUPLICATE_KEY)) return null;
  return new Set(refused.map(({ index }) => index));
}
