/** Markup by templates whose values are escaped, and the few things every page says with them. */

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? char);

/** Markup that may stand in a page as it is. */
export interface Html {
  readonly markup: string;
}

type Part = string | number | Html | readonly Html[];

const render = (part: Part): string => {
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  return 'markup' in part ? part.markup : part.map(({ markup }) => markup).join('');
};

/** Whatever is put in is escaped, unless it is markup already. */
export const html = (texts: TemplateStringsArray, ...parts: Part[]): Html => ({
  markup: texts.map((text, n) => text + (n < parts.length ? render(parts[n] ?? '') : '')).join(''),
});

export const nothing: Html = html``;

export const when = (condition: boolean, content: () => Html): Html => (condition ? content() : nothing);

/** A form's field that nobody sees. */
export const hidden = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}" />`;

/** An attribute that is there or not, such as `required`. */
export const flag = (name: 'required' | 'selected' | 'checked' | 'autofocus', isSet: boolean): Html =>
  isSet ? { markup: ` ${name}` } : nothing;

/** A path of ours with its parameters; empty ones are left out. */
export function pathOf(path: string, parameters: Record<string, string | null | undefined> = {}): string {
  const given = Object.entries(parameters).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string' && pair[1] !== '',
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}
