/** What `npm start` makes up once and keeps with the data it opens: `<DATA_DIR>/secrets.json`. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { readJson, writePrivateJson } from './private-file';

export const ROLES = ['platform', 'operator', 'reader', 'admin'] as const;
export type ApiKeyRole = (typeof ROLES)[number];

const secretsSchema = z.object({
  encryptionKeys: z.string(),
  upsClientId: z.string(),
  upsClientSecret: z.string(),
  upsPassword: z.string(),
  /** Of the demo tenant, from the first time on. */
  apiKeys: z.partialRecord(z.enum(ROLES), z.string()),
  /** The sandbox was given its profiles and settings; later changes made there are the developer's. */
  isSandboxSeeded: z.boolean(),
});

export type Secrets = z.infer<typeof secretsSchema>;

const fileIn = (dataDir: string): string => path.join(dataDir, 'secrets.json');

export function loadSecrets(dataDir: string): Secrets {
  const kept = readJson(fileIn(dataDir));
  if (kept !== undefined) return secretsSchema.parse(kept);
  const made: Secrets = {
    encryptionKeys: `dev:${randomBytes(32).toString('base64')}`,
    upsClientId: `demo-${randomBytes(8).toString('hex')}`,
    upsClientSecret: randomBytes(24).toString('base64url'),
    upsPassword: randomBytes(9).toString('base64url'),
    apiKeys: {},
    isSandboxSeeded: false,
  };
  saveSecrets(dataDir, made);
  return made;
}

export const saveSecrets = (dataDir: string, secrets: Secrets): void => writePrivateJson(fileIn(dataDir), secrets);
