import { z } from 'zod';

const seconds = z.int().min(1).max(315_360_000);

/** What nobody outside UPS knows for sure, or what a test wants shorter. */
export const settingsSchema = z.strictObject({
  accessTokenSeconds: seconds,
  refreshTokenSeconds: seconds,
  rotationRestarts: z.boolean(),
  reuseRevokesFamily: z.boolean(),
  oldAccessTokenLives: z.boolean(),
  codeSeconds: seconds,
});

export type Settings = z.infer<typeof settingsSchema>;

export const defaultSettings: Settings = {
  accessTokenSeconds: 3600,
  refreshTokenSeconds: 60 * 86_400,
  rotationRestarts: true,
  reuseRevokesFamily: false,
  oldAccessTokenLives: true,
  codeSeconds: 30,
};
