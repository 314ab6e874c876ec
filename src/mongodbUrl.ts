/** Whether MONGODB_URL is one the driver takes, asked of the driver before anything is opened. No value of it is shown. */

import { accessSync, constants } from 'node:fs';
import { mongo } from 'mongoose';

/** What MongoDB takes for the name of a database; a URL would have to write anything else by percent signs. */
const DATABASE = /^[\w-]{1,63}$/;
const FILES = ['tlsCAFile', 'tlsCertificateKeyFile', 'tlsCRLFile'];

const LOOKS =
  'must look like mongodb://user:password@host:port/database. In the user and the password write % as %25, @ as %40, ' +
  ': as %3A, / as %2F, ? as %3F, # as %23, [ as %5B and ] as %5D';

/** `?name=value&…`; null where an @ follows: then what looks like options may be the rest of a password. */
const optionsOf = (url: string): URLSearchParams | null => {
  const query = url.split('?').slice(1).join('?');
  return query.includes('@') ? null : new URLSearchParams(query);
};

/** What is wrong with it, for a person; null when nothing is. */
export function mongodbUrlProblem(url: string): string | null {
  const parts = /^mongodb(?:\+srv)?:\/\/[^/?]+(?:\/(?<database>[^?]*))?(?:\?.*)?$/.exec(url)?.groups;
  const options = optionsOf(url);
  if (parts === undefined || options === null) return LOOKS;
  try {
    new mongo.MongoClient(url);
  } catch (error) {
    const said = error instanceof Error ? error.message.toLowerCase() : '';
    const bad = [...new Set(options.keys())].filter((name) => name !== '' && said.includes(name.toLowerCase()));
    if (bad.length > 0) return `has an option that the driver refuses: ${bad.join(', ')}. Correct or remove it`;
    return LOOKS;
  }
  if (parts['database'] && !DATABASE.test(parts['database']))
    return 'names a database that MongoDB does not take: use up to 63 letters, digits, _ and -';
  const missing = FILES.filter((name) => options.has(name) && !canBeRead(options.get(name) ?? ''));
  return missing.length > 0 ? `names a file that cannot be read: ${missing.join(', ')}` : null;
}

function canBeRead(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
