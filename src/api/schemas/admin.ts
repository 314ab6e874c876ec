/** Inputs about tenants and keys. */

import { z } from 'zod';
import { originOf } from '../../webAddress';
import { roles } from '../roles';
import { line } from './text';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Written as browsers write it. A `*` is a character of a host name to them, and such an origin would never match. */
function isOrigin(text: string): boolean {
  if (originOf(text) !== text || text.includes('*')) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || LOOPBACK.includes(hostname);
}

const tenantIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'has up to 63 lower-case letters, digits and hyphens' });

const fields = {
  name: line(100),
  returnOrigins: z
    .array(
      z.string().refine(isOrigin, {
        error:
          'is not an origin such as https://shop.example.com (lower case, no slash at the end; http on localhost only)',
      }),
    )
    .max(50)
    .describe('Where merchants may be sent back to after an authorization.'),
  refreshPolicy: z.enum(['eager', 'lazy']),
  accessKeyDeadline: z.iso.datetime({ offset: true }).nullable(),
};

export const createTenantSchema = z
  .strictObject({
    id: tenantIdSchema,
    name: fields.name,
    returnOrigins: fields.returnOrigins.default([]),
    refreshPolicy: fields.refreshPolicy.default('eager'),
    accessKeyDeadline: fields.accessKeyDeadline.optional(),
  })
  .meta({ id: 'NewTenant' });

export const editTenantSchema = z
  .strictObject({
    name: fields.name.optional(),
    returnOrigins: fields.returnOrigins.optional(),
    refreshPolicy: fields.refreshPolicy.optional(),
    accessKeyDeadline: fields.accessKeyDeadline.optional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, { error: 'names no change: give at least one field' })
  .meta({ id: 'TenantChanges' });

export const createKeySchema = z
  .strictObject({
    role: z.enum(roles),
    name: line(100).nullable().optional().describe('What the key is for, or whose it is: history shows it.'),
    expiresAt: z.iso
      .datetime({ offset: true })
      .nullable()
      .optional()
      .describe('In the future. From then on the key is refused.'),
    tenantId: tenantIdSchema
      .optional()
      .describe('By an admin only: whose key it is. A key of role admin or metrics has none.'),
  })
  .meta({ id: 'NewApiKey' });

export type CreateTenant = z.output<typeof createTenantSchema>;
export type EditTenant = z.output<typeof editTenantSchema>;
export type CreateKey = z.output<typeof createKeySchema>;
