/**
 * Everything the service takes from its environment, read once, before anything is opened. docs say what each
 * variable is for; this file says what is allowed. An empty variable counts as not set: `docker compose` hands
 * on unset variables as empty strings.
 */
import { isIP, isIPv6 } from 'node:net';
import path from 'node:path';
import { z } from 'zod';
import { mongodbUrlProblem } from './mongodbUrl';
import { sha256 } from './hash';
import { redisUrlProblem } from './redisUrl';
import { baseUrlOf, originOf } from './webAddress';

export interface EncryptionKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

export interface Config {
  readonly mongodbUrl: string;
  /** The path of MONGODB_URL, or `upslink`. Kept apart: writing it into the URL would move `authSource` too. */
  readonly mongodbDatabase: string;
  readonly redisUrl: string;
  readonly port: number;
  /** The address the api listens on, or a name of it; null: every address of the machine. */
  readonly host: string | null;
  /** An origin, without a slash at its end. */
  readonly publicUrl: string;
  readonly ups: {
    readonly environment: 'sandbox' | 'cie' | 'production' | 'custom';
    /** An origin with an optional path, without a slash at its end. */
    readonly baseUrl: string;
    readonly clientId: string;
    readonly clientSecret: string;
    /** `strict`: alert 120900 means "not in the profile"; `lenient` takes it as verified. */
    readonly verification: 'strict' | 'lenient';
  };
  /** The first one seals, all of them open. */
  readonly encryptionKeys: readonly [EncryptionKey, ...EncryptionKey[]];
  readonly role: 'api' | 'worker' | 'scheduler' | 'all';
  readonly dataDir: string;
  readonly spoolDir: string;
  /** Names the environment; two that differ in it are not to share a database, a copied one above all. Safe to show. */
  readonly deployment: string;
  /** Whether a spool folder that knows no epoch is refused. */
  readonly requireSpoolEpoch: boolean;
  readonly accessKeyDeadlineAt: number;
  readonly consentTtlMs: number;
  /** Per API key: so many requests at once, then so many a second. */
  readonly rateLimit: { readonly burst: number; readonly perSecond: number };
  /** By one process at once; what comes beyond is refused. */
  readonly maxConcurrentRequests: number;
  /** Addresses and networks of the proxies whose X-Forwarded-For names the client. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly sandboxPort: number;
}

export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
}

/** The start stops here. The message names every bad variable and what to set, never a value that may be secret. */
export class ConfigError extends Error {
  readonly code = 'invalid-config';
  constructor(readonly problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, problem }) => `  ${variable}: ${problem}`);
    super(`The environment is not usable. Set right, then start again:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
  }
}

const UPS_HOSTS = { cie: 'https://wwwcie.ups.com', production: 'https://onlinetools.ups.com' } as const;
/** A URL's own rules take `*` and more for a name. */
const HOST = /^(\[[\da-f:.]+\]|[\w-]+(\.[\w-]+)*\.?)$/;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Throws ConfigError naming every bad variable at once. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const read = environmentSchema.safeParse(given);
  const problems = [...(read.success ? portProblems(read.data) : problemsOf(read.error)), ...upsTargetProblems(given)];
  if (!read.success || problems.length > 0) throw new ConfigError(problems);
  return toConfig(read.data);
}

const required = (what: string) => z.string({ error: `is not set: ${what}` });

/** Judged by `problemOf`: what is wrong as the rest of a sentence, or null. */
const judged = (what: string, problemOf: (text: string) => string | null) =>
  required(what).transform((text, issues) => {
    const problem = problemOf(text);
    if (problem === null) return text;
    issues.addIssue({ code: 'custom', message: problem });
    return z.NEVER;
  });

/** It goes into the header by which we sign in at UPS, as it stands. */
function credentialProblem(text: string, { mayHaveColon }: { mayHaveColon: boolean }): string | null {
  if (/[\r\n]/.test(text)) return 'has a line end, as a value that was pasted or read from a file may: remove it';
  if (text !== text.trim()) return 'begins or ends with white space: remove it';
  if (!/^[\x20-\x7e]+$/.test(text)) return 'has a character that a header cannot carry: use printable ASCII';
  return text.includes(':') && !mayHaveColon ? 'has a colon, which Basic authentication cannot carry' : null;
}

/** Shows what was seen: only for variables that never hold a secret. */
function oneOf<const T extends readonly [string, ...string[]]>(values: T, otherwise: T[number]) {
  return z
    .enum(values, { error: (issue) => `must be one of ${values.join(', ')}, not ${seen(issue.input)}` })
    .default(otherwise);
}

function integer(from: number, to: number, otherwise: number) {
  return z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= from && Number(text) <= to, {
      error: (issue) => `must be a whole number from ${from} to ${to}, not ${seen(issue.input)}`,
    })
    .transform(Number)
    .default(otherwise);
}

/** For a person to write: `new URL` forgives more than that. '' for what is refused. */
const written =
  (read: (text: string) => string | null) =>
  (text: string): string => {
    const address = /[?#\s@]/.test(text) ? null : read(text);
    return address !== null && HOST.test(new URL(address).hostname) ? address : '';
  };

const publicUrlSchema = z
  .string()
  .transform(written(originOf))
  .refine((origin) => origin !== '', {
    error: 'must be an origin, such as https://accounts.example.com: no path, query or login',
    abort: true,
  })
  // The merchant's cookie is a `__Host-` one, which browsers keep over https only, except on localhost.
  .refine((origin) => origin.startsWith('https:') || LOOPBACK.has(new URL(origin).hostname), {
    error: 'must be https; plain http works on localhost only',
  });

const DATABASE = /^mongodb(?:\+srv)?:\/\/[^/?]+\/(?<name>[^?]+)/;

/** A last label of digits alone would be a mistyped IPv4 address, which some resolvers complete. */
const HOST_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!\d+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/** A length of 0 would trust everybody, who could then claim any address. */
function isNetwork(text: string): boolean {
  const [address = '', length, ...more] = text.split('/');
  if (isIP(address) === 0 || more.length > 0) return false;
  const longest = isIPv6(address) ? 128 : 32;
  return length === undefined || (/^[1-9]\d{0,2}$/.test(length) && Number(length) <= longest);
}

const environmentSchema = z.object({
  MONGODB_URL: judged('where MongoDB is, such as mongodb://localhost:27017/upslink', mongodbUrlProblem),
  REDIS_URL: judged('where Redis is, such as redis://localhost:6379', redisUrlProblem),
  PORT: integer(1, 65535, 4400),
  HOST: z
    .string()
    .refine((text) => isIP(text) !== 0 || HOST_NAME.test(text), {
      error: (issue) =>
        `must be an IP address or a host name of this machine, such as 127.0.0.1, not ${seen(issue.input)}`,
    })
    .optional(),
  PUBLIC_URL: publicUrlSchema.optional(),
  UPS_ENV: z
    .enum(['sandbox', 'cie', 'production'], {
      error: (issue) => `must be one of sandbox, cie, production, not ${seen(issue.input)}`,
    })
    .optional(),
  UPS_BASE_URL: z
    .string()
    .transform(written(baseUrlOf))
    .refine((baseUrl) => baseUrl !== '', { error: 'must be an http or https address without query or login' })
    .optional(),
  UPS_CLIENT_ID: judged('the client id of your application at UPS (of the sandbox too)', (text) =>
    credentialProblem(text, { mayHaveColon: false }),
  ),
  UPS_CLIENT_SECRET: judged('the client secret of your application at UPS (of the sandbox too)', (text) =>
    credentialProblem(text, { mayHaveColon: true }),
  ),
  ENCRYPTION_KEYS: required(
    'id:base64 of 32 random bytes; a comma between several, the one that seals first',
  ).transform((text, issues): [EncryptionKey, ...EncryptionKey[]] => {
    const keys = parseEncryptionKeys(text);
    if (typeof keys !== 'string') return keys;
    issues.addIssue({ code: 'custom', message: keys });
    return z.NEVER;
  }),
  ROLE: oneOf(['api', 'worker', 'scheduler', 'all'], 'all'),
  DATA_DIR: z.string().default('.data'),
  SPOOL_DIR: z.string().optional(),
  DEPLOYMENT_NAME: z
    .string()
    .regex(/^(?! )[\w .:-]{1,60}(?<! )$/, {
      error: (issue) => `must be 1 to 60 letters, digits, spaces within and _ . : -, not ${seen(issue.input)}`,
    })
    .optional(),
  REQUIRE_SPOOL_EPOCH: oneOf(['true', 'false'], 'false'),
  ACCESS_KEY_DEADLINE: z.iso
    .datetime({
      offset: true,
      error: (issue) => `must be an instant such as 2024-08-01T00:00:00.000Z, not ${seen(issue.input)}`,
    })
    .default('2024-08-01T00:00:00.000Z'),
  CONSENT_TTL_SECONDS: integer(1, 86_400, 1800),
  VERIFICATION: oneOf(['strict', 'lenient'], 'strict'),
  RATE_LIMIT: z
    .string()
    .regex(/^[1-9]\d{0,8}(:[1-9]\d{0,8})?$/, {
      error: (issue) =>
        `must be requests at once:requests a second, such as 1000:500, or one number for both, not ${seen(issue.input)}`,
    })
    .transform((text) => {
      const [burst = 0, perSecond = burst] = text.split(':').map(Number);
      return { burst, perSecond };
    })
    .default({ burst: 1000, perSecond: 500 }),
  // Four times the connections to MongoDB, so that none of them waits for one long; and at 64 kB a body 13 MB at most.
  MAX_CONCURRENT_REQUESTS: integer(4, 10_000, 200),
  TRUSTED_PROXIES: z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .refine((networks) => networks.every(isNetwork), {
      error: 'must be addresses or networks such as 10.0.0.0/8, with commas between them',
    })
    .default([]),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info'),
  SANDBOX_PORT: integer(1, 65535, 4401),
});

function toConfig(env: z.output<typeof environmentSchema>): Config {
  const dataDir = path.resolve(env.DATA_DIR);
  const publicUrl = env.PUBLIC_URL ?? `http://localhost:${env.PORT}`;
  const ups = upsTarget(env);
  return {
    mongodbUrl: env.MONGODB_URL,
    mongodbDatabase: DATABASE.exec(env.MONGODB_URL)?.groups?.['name'] ?? 'upslink',
    redisUrl: env.REDIS_URL,
    port: env.PORT,
    host: env.HOST ?? null,
    publicUrl,
    ups: {
      ...ups,
      clientId: env.UPS_CLIENT_ID,
      clientSecret: env.UPS_CLIENT_SECRET,
      verification: env.VERIFICATION,
    },
    encryptionKeys: env.ENCRYPTION_KEYS,
    role: env.ROLE,
    dataDir,
    spoolDir: path.resolve(env.SPOOL_DIR ?? path.join(dataDir, 'spool')),
    deployment: deploymentOf(env.DEPLOYMENT_NAME ?? publicUrl, ups, env.UPS_CLIENT_ID),
    requireSpoolEpoch: env.REQUIRE_SPOOL_EPOCH === 'true',
    accessKeyDeadlineAt: Date.parse(env.ACCESS_KEY_DEADLINE),
    consentTtlMs: env.CONSENT_TTL_SECONDS * 1000,
    rateLimit: env.RATE_LIMIT,
    maxConcurrentRequests: env.MAX_CONCURRENT_REQUESTS,
    trustedProxies: env.TRUSTED_PROXIES,
    logLevel: env.LOG_LEVEL,
    sandboxPort: env.SANDBOX_PORT,
  };
}

/** The sandbox runs where the service does, unless UPS_BASE_URL says otherwise. */
function portProblems(env: z.output<typeof environmentSchema>): ConfigProblem[] {
  const isBeside = env.UPS_ENV === 'sandbox' && env.UPS_BASE_URL === undefined;
  if (!isBeside || env.PORT !== env.SANDBOX_PORT) return [];
  return [{ variable: 'SANDBOX_PORT', problem: `is ${env.SANDBOX_PORT}, as PORT is: set another` }];
}

/** UPS_BASE_URL alone is enough; `cie` and `production` beside another host would hide which UPS is meant. */
function upsTargetProblems(env: Readonly<Record<string, string | undefined>>): ConfigProblem[] {
  const { UPS_ENV, UPS_BASE_URL } = env;
  if (UPS_ENV === undefined && UPS_BASE_URL === undefined) {
    return [{ variable: 'UPS_ENV', problem: 'is not set: sandbox, cie or production (or set UPS_BASE_URL)' }];
  }
  const host = UPS_ENV === 'cie' || UPS_ENV === 'production' ? UPS_HOSTS[UPS_ENV] : undefined;
  const baseUrl = UPS_BASE_URL === undefined ? '' : written(baseUrlOf)(UPS_BASE_URL);
  const isContradicted = host !== undefined && baseUrl !== '' && baseUrl !== host;
  const problem = `means ${host}, but UPS_BASE_URL names another address: set one of them`;
  return isContradicted ? [{ variable: 'UPS_ENV', problem }] : [];
}

function upsTarget(env: z.output<typeof environmentSchema>): Pick<Config['ups'], 'environment' | 'baseUrl'> {
  const sandbox = `http://localhost:${env.SANDBOX_PORT}`;
  if (env.UPS_ENV === 'sandbox') return { environment: 'sandbox', baseUrl: env.UPS_BASE_URL ?? sandbox };
  if (env.UPS_ENV !== undefined) return { environment: env.UPS_ENV, baseUrl: UPS_HOSTS[env.UPS_ENV] };
  const baseUrl = env.UPS_BASE_URL ?? sandbox;
  if (baseUrl === UPS_HOSTS.cie) return { environment: 'cie', baseUrl };
  if (baseUrl === UPS_HOSTS.production) return { environment: 'production', baseUrl };
  return { environment: 'custom', baseUrl };
}

/** Refresh tokens belong to one application at one UPS: with another, a database is somebody else's whatever its name. */
function deploymentOf(name: string, { environment, baseUrl }: ReturnType<typeof upsTarget>, clientId: string): string {
  return `${name}, UPS ${environment === 'custom' ? baseUrl : environment}, client ${sha256(clientId).slice(0, 8)}`;
}

/** The keys, or what is wrong with them. Names entries by place: what was taken for an id may be a key. */
function parseEncryptionKeys(text: string): [EncryptionKey, ...EncryptionKey[]] | string {
  const keys: EncryptionKey[] = [];
  for (const [index, entry] of text.split(',').entries()) {
    const which = `entry ${index + 1}`;
    const parts = /^\s*(?<id>[A-Za-z0-9_-]{1,32}):(?<base64>[\w+/=\s-]+)$/.exec(entry)?.groups;
    if (parts === undefined) return `${which} must be id:base64, the id of letters, digits, _ and -`;
    const { id = '' } = parts;
    const base64 = (parts['base64'] ?? '').trim();
    const key = Buffer.from(base64, 'base64');
    if (/\s/.test(base64)) return `${which} has white space in its key: remove it`;
    if (/[-_]/.test(base64)) return `${which} is URL-safe base64: write + for - and / for _`;
    if (key.length !== 32) return `${which} must hold exactly 32 bytes, not ${key.length}`;
    // Another spelling of the same bytes may be a key that lost its last characters.
    if (key.toString('base64') !== base64) return `${which} is not canonical base64 of 32 bytes: copy it whole`;
    if (keys.some((other) => other.id === id)) return `${which} uses an id that an earlier entry has`;
    if (keys.some((other) => other.key.equals(key))) return `${which} holds the key of an earlier entry`;
    keys.push({ id, key });
  }
  const [first, ...others] = keys;
  return first === undefined ? 'holds no key' : [first, ...others];
}

function problemsOf(error: z.ZodError): ConfigProblem[] {
  return error.issues.map((issue) => ({ variable: issue.path.join('.'), problem: issue.message }));
}

function seen(value: unknown): string {
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 40) : value);
}
