import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { isSame } from './client';
import type { ProfileAccount } from './entries';
import type { Sandbox } from './sandbox';
import type { Profile } from './state';

export const accountNumberSchema = z
  .string()
  .trim()
  .toUpperCase()
  .regex(/^[A-Z0-9]{6}$/, 'must have 6 letters and digits');

const accountSchema = z
  .strictObject({
    accountNumber: accountNumberSchema,
    negotiatedRates: z.boolean().default(true),
    nickname: z.string().max(100).nullable().default(null),
    postalCode: z.string().max(16).nullable().default(null),
    alertAsObject: z.boolean().default(false),
  })
  .readonly();

export const profileSchema = z.strictObject({
  username: z.string().trim().min(1).max(100),
  password: z.string().min(1).max(200),
  accounts: z
    .array(accountSchema)
    .max(1000)
    .refine(
      (accounts) => new Set(accounts.map((account) => account.accountNumber)).size === accounts.length,
      'names an account number twice',
    ),
});

export type ProfileInput = z.infer<typeof profileSchema>;

/** Grants stay as they are: a changed password is the fault `password-changed`, not a side effect of seeding. */
export function replaceProfile(sandbox: Sandbox, { username, password, accounts }: ProfileInput): void {
  const salt = sandbox.makeSecret();
  sandbox.record({ t: 'profile', username, salt, digest: digest(salt, password), accounts });
}

export function addAccount(sandbox: Sandbox, profile: Profile, account: ProfileAccount): void {
  const { username, salt, digest: kept, accounts } = profile;
  sandbox.record({ t: 'profile', username, salt, digest: kept, accounts: [...accounts, account] });
}

export function findProfile(sandbox: Sandbox, username: string, password: string): Profile | null {
  const profile = sandbox.state.profiles.get(username);
  return profile && isSame(digest(profile.salt, password), profile.digest) ? profile : null;
}

// A fast digest on purpose: these passwords are made up, and a simulation seeds tens of thousands of them.
const digest = (salt: string, password: string): string => createHmac('sha256', salt).update(password).digest('hex');
