/** The part of the sandbox's control API that a run uses. */

export interface Ledger {
  grants: { grantId: string; username: string; issuedAt: string; revokedAt: string | null }[];
  tokens: {
    grantId: string;
    generation: number;
    accessTokenSha256: string;
    refreshTokenSha256: string;
    issuedAt: string;
  }[];
  uses: {
    at: string;
    answeredAt: string | null;
    endpoint: 'authorize' | 'token' | 'refresh' | 'rate';
    grantId: string | null;
    username: string | null;
    status: number | null;
    code: string | null;
  }[];
  violations: { at: string; kind: string; grantId: string | null; detail: string }[];
  repeats: { at: string; grantId: string; generation: number; delivered: boolean }[];
}

export const PASSWORD = 'ups-password-0123';

export type SandboxControl = ReturnType<typeof makeSandboxControl>;

export function makeSandboxControl(url: string) {
  async function call(method: string, what: string, body?: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${url}/sandbox/${what}`, { ...init, signal: AbortSignal.timeout(30_000) });
    if (!response.ok) throw new Error(`the sandbox answered ${response.status} to ${method} ${what}`);
    return response;
  }
  const done = async (response: Promise<Response>): Promise<void> => void (await (await response).arrayBuffer());

  return {
    answers: () =>
      done(call('GET', 'settings')).then(
        () => true,
        () => false,
      ),
    settings: (changes: object) => done(call('POST', 'settings', changes)),
    /** Creates a merchant's login with this one account number. */
    profile: (username: string, accountNumber: string) =>
      done(call('POST', 'profiles', { username, password: PASSWORD, accounts: [{ accountNumber }] })),
    fault: (fault: object) => done(call('POST', 'faults', fault)),
    heal: () => done(call('DELETE', 'faults')),
    ledger: async (): Promise<Ledger> => (await (await call('GET', 'ledger')).json()) as Ledger,
  };
}
