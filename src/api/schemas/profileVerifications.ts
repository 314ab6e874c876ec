/** What a UPS invoice says, checked before a try is spent on it. Nothing of it is kept. */

import { z } from 'zod';
import { DAY_MS } from '../../durations';

export const INVOICE_DAYS = 60;

const invoice = {
  invoiceNumber: z.string().regex(/^[A-Za-z0-9]{1,15}$/, { error: 'has 1 to 15 letters and digits' }),
  invoiceDate: z.iso
    .date({ error: 'is no date, such as 2026-11-23' })
    .describe(`In the last ${INVOICE_DAYS} days, in UTC.`),
  invoiceAmount: z.string().regex(/^(0\.(0[1-9]|[1-9]\d)|[1-9]\d{0,8}\.\d{2})$/, {
    error: 'must be more than zero, with two decimals and without currency, commas or leading zeros, such as 1234.56',
  }),
  controlId: z.string().regex(/^[A-Za-z0-9]{1,10}$/, { error: 'has 1 to 10 letters and digits' }),
};

const NEEDED = ['invoiceNumber', 'invoiceDate', 'invoiceAmount'] as const;

export const profileVerificationSchema = z
  .strictObject({
    method: z.enum(['invoice', 'pin']).default('invoice').describe('pin: by e-mail, without an invoice.'),
    invoiceNumber: invoice.invoiceNumber.optional(),
    invoiceDate: invoice.invoiceDate.optional(),
    invoiceAmount: invoice.invoiceAmount.optional(),
    controlId: invoice.controlId.optional(),
  })
  .superRefine((given, context) => {
    const complain = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (given.method === 'invoice') {
      for (const field of NEEDED) if (given[field] === undefined) complain(field, 'is missing');
    } else
      for (const field of [...NEEDED, 'controlId'] as const)
        if (given[field] !== undefined) complain(field, 'is not a field here: a PIN needs no invoice');
  })
  .meta({ id: 'NewProfileVerification' });

export type ProfileVerificationInput = z.output<typeof profileVerificationSchema>;

/** What is wrong with the date at that instant, or null: UPS takes today's invoices and those of the 60 days before. */
export function dateFault(invoiceDate: string, now: number): string | null {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const day = Date.parse(invoiceDate);
  if (day > today) return 'invoiceDate is in the future.';
  if (today - day > INVOICE_DAYS * DAY_MS)
    return `invoiceDate is more than ${INVOICE_DAYS} days ago: take a newer invoice.`;
  return null;
}

export const profileOutcomeSchema = z.strictObject({ accepted: z.boolean() });
