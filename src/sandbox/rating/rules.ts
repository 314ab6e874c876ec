/**
 * A small language for the shape of a rating request. Objects are plain objects whose keys end in `*` where the field is
 * required; fields nobody knows are let through, as UPS's file lets them.
 */
export type Rule = TextRule | ListRule | Fields;
export interface TextRule {
  readonly kind: 'text';
  readonly min: number;
  readonly max: number;
  readonly orEmpty: boolean;
}
export interface ListRule {
  readonly kind: 'list';
  readonly item: Rule;
  readonly max: number;
  /** One item may come without its list. */
  readonly orOne: boolean;
}
export interface Fields {
  readonly [name: string]: Rule;
}

/** A string of this many characters. */
export const text = (min: number, max = min): TextRule => ({ kind: 'text', min, max, orEmpty: false });

/** The same, or nothing at all between the quotes. */
export const textOrEmpty = (length: number): TextRule => ({ ...text(length), orEmpty: true });

/** A string whose length the file leaves open or says is not validated, or whose value it says is ignored. */
export const any = text(0, Infinity);

/** At least one item. */
export const list = (item: Rule, max = Infinity): ListRule => ({ kind: 'list', item, max, orOne: false });

export const oneOrList = (item: Rule, max = Infinity): ListRule => ({ kind: 'list', item, max, orOne: true });

/** What is wrong with a value, as a sentence naming the place; null when nothing is. */
export function findFault(rule: Rule, value: unknown, place: string): string | null {
  if (isText(rule)) return textFault(rule, value, place);
  if (isList(rule)) return listFault(rule, value, place);
  return fieldsFault(rule, value, place);
}

function textFault({ min, max, orEmpty }: TextRule, value: unknown, place: string): string | null {
  if (typeof value !== 'string') return `${place} must be a string`;
  const { length } = [...value];
  if ((length >= min && length <= max) || (orEmpty && length === 0)) return null;
  return min === max ? `${place} must have ${min} characters` : `${place} must have ${min} to ${max} characters`;
}

function listFault({ item, max, orOne }: ListRule, value: unknown, place: string): string | null {
  if (orOne && !Array.isArray(value)) return findFault(item, value, place);
  if (!Array.isArray(value)) return `${place} must be a list`;
  if (value.length === 0 || value.length > max) return `${place} must have 1 to ${max} items`;
  return first(value, (one, at) => findFault(item, one, `${place}[${at}]`));
}

function fieldsFault(fields: Fields, value: unknown, place: string): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${place} must be an object`;
  const given = value as Record<string, unknown>;
  return first(Object.entries(fields), ([key, rule]) => {
    const isRequired = key.endsWith('*');
    const name = isRequired ? key.slice(0, -1) : key;
    const inner = place === '' ? name : `${place}.${name}`;
    if (Object.hasOwn(given, name)) return findFault(rule, given[name], inner);
    return isRequired ? `${inner} is missing` : null;
  });
}

function first<T>(items: readonly T[], find: (item: T, at: number) => string | null): string | null {
  for (const [at, item] of items.entries()) {
    const fault = find(item, at);
    if (fault !== null) return fault;
  }
  return null;
}

const isText = (rule: Rule): rule is TextRule => 'kind' in rule && rule.kind === 'text';
const isList = (rule: Rule): rule is ListRule => 'kind' in rule && rule.kind === 'list';
