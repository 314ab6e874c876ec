/** One thing the doctor looked at. */
export interface Check {
  name: string;
  status: 'ok' | 'warn' | 'fail';
  /** What was seen. */
  detail: string;
  /** What to do about it; null when there is nothing. */
  next: string | null;
}

export const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail, next: null });
export const warn = (name: string, detail: string, next: string): Check => ({ name, status: 'warn', detail, next });
export const fail = (name: string, detail: string, next: string): Check => ({ name, status: 'fail', detail, next });

/** What was not looked at, because something before it failed. */
export const notChecked = (name: string, because: string): Check =>
  warn(name, 'not checked', `${because} first, then run the doctor again.`);

/** `host:port` of a url that may hold a login. */
export function placeOf(url: string): string {
  return /:\/\/(?:[^/?]*@)?([^/?]+)/.exec(url)?.[1] ?? 'the address given';
}
