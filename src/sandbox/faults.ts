import type { Fault } from './fault-schema';

/** What is known about a request when a fault is looked for. */
export interface Subject {
  readonly path: string;
  readonly username: string | null;
  readonly accountNumber: string | null;
}

/** Faults live in memory: they are a tester's orders to this process, not something UPS remembers. */
export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The first fault that matches, one of its times used up; null when none does. */
  take(subject: Subject, only?: (fault: Fault) => boolean): Fault | null;
}

export function makeFaults(clock: () => number): Faults {
  let active: { fault: Fault; left: number; until: number }[] = [];
  return {
    add(fault) {
      active.push({ fault, left: fault.times ?? Infinity, until: clock() + (fault.forMs ?? Infinity) });
    },
    clear() {
      active = [];
    },
    take(subject, only = () => true) {
      active = active.filter(({ until }) => clock() < until);
      const found = active.find(({ fault }) => matches(fault, subject) && only(fault));
      if (!found) return null;
      found.left -= 1;
      if (found.left === 0) active = active.filter((other) => other !== found);
      return found.fault;
    },
  };
}

/** `path` is the whole path or a leading part of it that ends where a segment ends; the others must be known and equal. */
function matches({ match: wanted }: Fault, subject: Subject): boolean {
  const folder = wanted.path.endsWith('/') ? wanted.path : `${wanted.path}/`;
  if (subject.path !== wanted.path && !subject.path.startsWith(folder)) return false;
  if (wanted.username !== undefined && wanted.username !== subject.username) return false;
  return wanted.accountNumber === undefined || wanted.accountNumber === subject.accountNumber;
}
