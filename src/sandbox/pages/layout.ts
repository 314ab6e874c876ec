import type { Response } from 'express';
import { html, Html } from './html';

const style = `
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #2b1d12; background: #f6f3ef; }
body { margin: 0; }
.sandbox { margin: 0; padding: .6rem 1rem; background: #ffc400; font-weight: 600; text-align: center; }
header { background: #3b2314; color: #fff; padding: .8rem 1rem; font-size: 1.2rem; }
main { max-width: 34rem; margin: 2rem auto; padding: 1.5rem 2rem; background: #fff; border-radius: .5rem; box-shadow: 0 1px 6px #0003; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
label { display: block; margin-top: 1rem; font-weight: 600; }
label.check { font-weight: 400; }
input:not([type=checkbox]) { display: block; box-sizing: border-box; width: 100%; padding: .55rem; font: inherit; border: 1px solid #75655a; border-radius: .3rem; }
.hint { color: #5d4d41; font-size: .9rem; }
.error { padding: .7rem 1rem; border-left: .3rem solid #b3261e; background: #fdecea; color: #7a1712; }
.done { padding: .7rem 1rem; border-left: .3rem solid #2e6b34; background: #eaf5eb; }
.actions { display: flex; gap: .8rem; align-items: center; margin-top: 1.5rem; flex-wrap: wrap; }
button { padding: .6rem 1.4rem; font: inherit; font-weight: 600; border: 2px solid #3b2314; border-radius: 2rem; background: #3b2314; color: #fff; cursor: pointer; }
button.quiet { background: #fff; color: #3b2314; }
button.link { border: 0; padding: 0; background: none; color: #00558a; text-decoration: underline; font-weight: 400; }
a { color: #00558a; }
:focus-visible { outline: 3px solid #00558a; outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid #e0d8d0; }
`;

/** One page. It loads nothing and runs nothing, so that its policy can forbid everything but its own style. */
export function sendPage(res: Response, status: number, title: string, body: Html): void {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – UPS sandbox</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <p class="sandbox" role="note">SANDBOX – this is not UPS. Use made-up logins only.</p>
        <header>UPS sandbox</header>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`;
  res
    .status(status)
    .set({
      'Cache-Control': 'no-store',
      // No form-action: browsers apply it to where a form's answer redirects, and consent redirects to the application.
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
      // Not no-referrer: browsers would then send `Origin: null` with our own forms.
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
    })
    .type('html')
    .send(page.markup);
}

export const errorNote = (message: string | null): Html | null =>
  message === null ? null : html`<p class="error" role="alert">${message}</p>`;
