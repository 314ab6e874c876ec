/** Whose connection it is, for the bounds on clients without a known key. */

import { isIPv6 } from 'node:net';

/** Eight groups; an IPv4 address at the end stands for two. */
function groupsOf(address: string): string[] {
  const [before = '', after] = address.split('%')[0]?.split('::') ?? [];
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const missing = after === undefined ? 0 : 8 - head.length - tail.length - (address.includes('.') ? 1 : 0);
  return [...head, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail].map((group) => group.toLowerCase());
}

/** One customer has a whole /64 of IPv6: its addresses count as one. */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const network = groupsOf(address).slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
