/** A ship-from address: one rule for the API, CSV files and pages; what is kept is what was understood. */

import { z } from 'zod';
import { isCountry, needsStateAndPostalCode } from '../../addresses/countries';
import { readPostalCode } from '../../addresses/postalCodes';
import { readState, statesOf } from '../../addresses/states';
import { code, line } from './text';

const absent = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? null);

const fields = z.strictObject({
  addressLine: line(100),
  city: line(50),
  stateProvinceCode: absent(code).describe(
    'US, CA, PR: needed, and one of the codes of the country, in any case, such as MD. Puerto Rico and the other territories of the US are countries of their own. Elsewhere up to 5 letters and digits.',
  ),
  postalCode: absent(code).describe(
    'US, PR: needed, `^[0-9]{5}(-[0-9]{4})?$`, in PR from 006, 007 and 009. AS, GU, MP, VI: the same form, may be absent. CA: needed, `^[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z] ?[0-9][ABCEGHJ-NPRSTV-Z][0-9]$` in any case, kept with one space. Elsewhere `^[A-Za-z0-9][A-Za-z0-9 -]{0,15}$`, or absent.',
  ),
  countryCode: z
    .string()
    .refine(isCountry, { error: 'is no ISO 3166-1 code of two letters, such as US' })
    .describe('ISO 3166-1, upper case.')
    .meta({ minLength: 2, maxLength: 2, examples: ['US'] }),
});
type Fields = z.output<typeof fields>;

const readers = { stateProvinceCode: readState, postalCode: readPostalCode };
const examples = {
  stateProvinceCode: (country: string) => `: use its code of two letters, such as ${statesOf(country)[0]?.code}`,
  postalCode: () => '',
};
const judged = ['stateProvinceCode', 'postalCode'] as const;

/** What is absent first: the form of the other may depend on a country chosen by mistake. */
function* faultsIn(address: Partial<Fields>): Generator<{ field: keyof typeof readers; message: string }> {
  const { countryCode } = address;
  if (typeof countryCode !== 'string' || !isCountry(countryCode)) return;
  if (needsStateAndPostalCode(countryCode))
    for (const field of judged)
      if (address[field] === null)
        yield { field, message: `is needed in ${countryCode}${examples[field](countryCode)}` };
  for (const field of judged) {
    const given = address[field];
    const read = typeof given === 'string' ? readers[field](countryCode, given) : null;
    if (read && 'fault' in read) yield { field, message: read.fault };
  }
}

const kept = (field: keyof typeof readers, { countryCode, [field]: given }: Fields): string | null => {
  const read = given === null ? null : readers[field](countryCode, given);
  return read && 'value' in read ? read.value : null;
};

export const addressSchema = fields
  // Also where another field is wrong: a form tells all of it at once.
  .superRefine(
    (address, context) => {
      for (const { field, message } of faultsIn(address))
        context.addIssue({ code: 'custom', path: [field], message, input: address[field] });
    },
    { when: ({ value }) => typeof value === 'object' && value !== null },
  )
  .transform((address) => ({
    ...address,
    stateProvinceCode: kept('stateProvinceCode', address),
    postalCode: kept('postalCode', address),
  }))
  .meta({ id: 'Address' });
