/** Markup that is safe as it stands. Only `html` makes it. */
export class Html {
  constructor(readonly markup: string) {}
}

type Part = Html | string | number | null | readonly Html[];

/** A template whose values are escaped, unless they are Html themselves. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.map((text, at) => text + show(parts[at] ?? null)).join(''));
}

function show(part: Part): string {
  if (part === null) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map((one) => one.markup).join('');
  return `${part}`.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export const hiddenFields = (values: Iterable<[string, string]>): Html[] =>
  [...values].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`);
