/**
 * A small browser for a merchant's trip: cookies by origin, redirects and forms.
 * It reads real pages over real HTTP, so a page whose form is broken breaks the tests that go through it.
 */

export interface Page {
  url: string;
  status: number;
  html: string;
}

interface Form {
  action: string;
  method: string;
  fields: [string, string][];
  html: string;
}

const attribute = (tag: string, name: string): string | null =>
  unescapeHtml(new RegExp(`\\s${name}\\s*=\\s*"([^"]*)"`).exec(tag)?.[1] ?? null);

function unescapeHtml(text: string | null): string | null {
  const named: Record<string, string> = { amp: '&', quot: '"', '#39': "'", '#x27': "'", lt: '<', gt: '>' };
  return text && text.replace(/&(#?\w+);/g, (whole, name: string) => named[name] ?? whole);
}

function formsOf({ html, url }: Page): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head = '', body = '']) => ({
    action: new URL(attribute(` ${head}`, 'action') ?? url, url).href,
    method: (attribute(` ${head}`, 'method') ?? 'get').toLowerCase(),
    fields: [...body.matchAll(/<input\b[^>]*>/g)].flatMap(([tag]): [string, string][] => {
      const name = attribute(tag, 'name');
      return name === null || attribute(tag, 'type') === 'submit' ? [] : [[name, attribute(tag, 'value') ?? '']];
    }),
    html: body,
  }));
}

const REDIRECTS_MAX = 10;

/** `signal` ends a request: a paused server never answers. */
export function makeBrowser({ signal }: { signal?: AbortSignal } = {}) {
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (url: string): Map<string, string> => {
    const { host } = new URL(url);
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    return jar;
  };

  async function request(url: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...jarOf(url)].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html', ...(cookie && { cookie }), ...(init.headers as Record<string, string>) };
    const response = await fetch(url, { ...init, headers, redirect: 'manual', ...(signal && { signal }) });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const name = pair.slice(0, pair.indexOf('='));
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jarOf(url).delete(name);
      else jarOf(url).set(name, pair.slice(pair.indexOf('=') + 1));
    }
    return response;
  }

  /** Follows redirects up to `until`, which is not requested. */
  async function follow(first: Response, from: string, until?: (url: string) => boolean): Promise<Page> {
    let response = first;
    let url = from;
    for (let hops = 0; hops < REDIRECTS_MAX; hops++) {
      const location = response.headers.get('location');
      if (location === null || response.status < 300 || response.status > 399)
        return { url, status: response.status, html: await response.text() };
      await response.body?.cancel();
      url = new URL(location, url).href;
      if (until?.(url)) return { url, status: response.status, html: '' };
      response = await request(url);
    }
    throw new Error(`too many redirects from ${new URL(from).pathname}`);
  }

  return {
    open: async (url: string, until?: (url: string) => boolean): Promise<Page> =>
      follow(await request(url), url, until),
    /** Fills the form that has all these fields (or holds that button's text) and sends it. */
    async submit(page: Page, values: Record<string, string>, until?: (url: string) => boolean): Promise<Page> {
      const names = Object.keys(values);
      const form = formsOf(page).find(({ html }) => names.every((name) => html.includes(`name="${name}"`)));
      if (!form)
        throw new Error(
          `no form with ${names.join(', ') || 'anything'} at ${new URL(page.url).pathname} (${page.status})`,
        );
      const body = new URLSearchParams(form.fields.filter(([name]) => !names.includes(name)));
      for (const [name, value] of Object.entries(values)) body.append(name, value);
      if (form.method === 'get') return this.open(`${form.action.split('?')[0]}?${body.toString()}`, until);
      const origin = new URL(page.url).origin;
      return follow(await request(form.action, { method: 'POST', body, headers: { origin } }), form.action, until);
    },
    /** The cookies kept for an address, for tests that look at them or lose them. */
    cookies: (url: string) => jarOf(url),
  };
}

export type Browser = ReturnType<typeof makeBrowser>;

export interface UpsLogin {
  username: string;
  password: string;
}

/** From our connect link through UPS's login and consent, up to where the service sends the merchant back to. */
export async function goThroughUps(
  connectUrl: string,
  login: UpsLogin,
  options: { decision?: 'allow' | 'deny'; returnTo?: string; browser?: Browser } = {},
): Promise<URL> {
  const { decision = 'allow', returnTo, browser = makeBrowser() } = options;
  const until = (url: string) => returnTo !== undefined && url.startsWith(returnTo);
  const asked = await browser.open(connectUrl);
  const atLogin = await browser.submit(asked, {});
  const atConsent = await browser.submit(atLogin, { username: login.username, password: login.password });
  const back = await browser.submit(atConsent, { decision }, until);
  return new URL(back.url);
}
