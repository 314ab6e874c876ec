/** Templates whose values are escaped, and the few things every page says with them. */

import { html, type Html } from '../api/html';

export { html, type Html };

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
