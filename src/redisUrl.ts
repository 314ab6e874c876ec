/** Whether REDIS_URL is one the client takes as it is meant. No value of it is shown: it may hold a password. */

const LOOKS =
  'must look like redis://user:password@host:port/0 (rediss:// for TLS). In the user and the password write % as %25, ' +
  '@ as %40, : as %3A, / as %2F, ? as %3F and # as %23';
const INDEX = 'must end in the index of a database, such as /0, or in nothing. A / in a password is written as %2F';
const OPTIONS = 'takes no options after a ?. A ? in a password is written as %3F';

/** What is wrong with it, for a person; null when nothing is. */
export function redisUrlProblem(text: string): string | null {
  if (!/^rediss?:\/\/\S+$/.test(text) || !URL.canParse(text)) return LOOKS;
  const url = new URL(text);
  if (url.hostname === '' || url.port === '0' || url.hash !== '' || text.endsWith('#')) return LOOKS;
  if (url.search !== '' || text.endsWith('?')) return OPTIONS;
  if (!/^\/?\d{0,5}$/.test(url.pathname)) return INDEX;
  return isDecodable(url.username) && isDecodable(url.password) ? null : LOOKS;
}

/** The client decodes them, and throws at a percent sign that stands for nothing. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
