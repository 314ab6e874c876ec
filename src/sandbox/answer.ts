/** What a UPS path answers. `code` is UPS's error code and goes to the ledger; null when all is well. */
export interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON; null sends no body (a redirect). */
  readonly body: unknown;
  /** Sent instead of `body`, under the content type in `headers`. */
  readonly bytes?: Buffer;
  /** The client cannot read the real answer from it: it is a page instead, or damaged. */
  readonly isSpoiled?: boolean;
}

/** A request refused in UPS's words. Everything that refuses throws this, so that one place writes the error's shape. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  toAnswer(): Answer {
    const body = { response: { errors: [{ code: this.code, message: this.message }] } };
    return { status: this.status, code: this.code, headers: this.headers, body };
  }
}

export const ok = (body: unknown): Answer => ({ status: 200, code: null, headers: {}, body });

// 10400, 10401, 10429, 250002, 120100, 111210 and 111100 are UPS's own. UPS publishes no code for the others: those are the sandbox's.
export const badRequest = (message: string) => new Refusal(400, '10400', message);
export const invalidRefreshToken = () => new Refusal(400, '10400', 'Invalid Refresh Token');
export const invalidRedirect = () => new Refusal(400, '10400', 'Invalid Redirect URL');
export const invalidClient = () =>
  new Refusal(401, '10401', 'ClientId is Invalid', { 'WWW-Authenticate': 'Basic realm="UPS sandbox"' });
export const invalidCode = () => new Refusal(400, '10402', 'Invalid Authorization Code');
export const blockedMerchant = () => new Refusal(403, '10403', 'Blocked Merchant');
export const unknownPath = () => new Refusal(404, '10404', 'The requested resource is not available');
export const wrongMethod = (allow: string) => new Refusal(405, '10405', 'Method Not Allowed', { Allow: allow });
export const invalidVerifier = (why: string) => new Refusal(400, '10406', why);
export const foreignForm = () => new Refusal(403, '10407', 'This form was sent by a page of another site');
export const internalError = () => new Refusal(500, '10500', 'Internal Server Error');
export const invalidBearer = () =>
  new Refusal(401, '250002', 'Invalid Authentication Information.', { 'WWW-Authenticate': 'Bearer' });
export const invalidShipperNumber = () => new Refusal(400, '120100', 'Missing or invalid shipper number');
export const noSuchService = (code: '111210' | '111100') =>
  new Refusal(
    400,
    code,
    code === '111210'
      ? 'The requested service is unavailable between the selected locations.'
      : 'The requested service is invalid from the selected origin.',
  );
export const notJson = () => new Refusal(400, '10001', 'The request is not a well-formed JSON document');
export const invalidRating = (why: string) => new Refusal(400, '10002', why);
