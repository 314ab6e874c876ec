import { html, nothing, type Html } from '../web/html';

/** The way through a list, forwards and back to its beginning. `next`: null on the last page. */
export function pager({ first, next, isFirst }: { first: string; next: string | null; isFirst: boolean }): Html {
  if (next === null && isFirst) return nothing;
  return html`<nav class="pager" aria-label="Pages">
    ${isFirst ? '' : html`<a class="button" href="${first}">First page</a>`}
    ${
      next === null
        ? html`<span class="hint">This is the last page.</span>`
        : html`<a class="button" href="${next}" rel="next">Next page</a>`
    }
  </nav>`;
}
