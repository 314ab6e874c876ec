import { z } from 'zod';

export interface Rating {
  hasNegotiatedCharges: boolean;
  alerts: { code: string; message: string | null }[];
}

/** UPS sends one as an object and several as an array, whatever its file says. */
const manyOf = <T extends z.ZodType>(one: T) =>
  z
    .union([z.array(one), one.transform((only) => [only])])
    .nullish()
    .transform((list) => list ?? []);

const text = z.union([z.string(), z.number().transform(String)]);
const alert = z.object({ Code: text, Description: text.nullish().catch(null) });
const alerts = manyOf(alert).catch([]);
const charges = z.object({ TotalCharge: z.object({ MonetaryValue: text }) });

const rateBody = z.object({
  RateResponse: z.object({
    Response: z.object({ Alert: alerts }),
    RatedShipment: manyOf(
      z.object({ NegotiatedRateCharges: charges.nullish().catch(null), RatedShipmentAlert: alerts }),
    ),
  }),
});

/** What a 200 of /Rate says of the account; null when it is no rating at all. Public fixtures have `Alert` as an object and as an array. */
export function readRating(body: unknown): Rating | null {
  const read = rateBody.safeParse(body);
  if (!read.success) return null;
  const { Response, RatedShipment } = read.data.RateResponse;
  if (RatedShipment.length === 0) return null;
  const said = [...Response.Alert, ...RatedShipment.flatMap((shipment) => shipment.RatedShipmentAlert)];
  return {
    hasNegotiatedCharges: RatedShipment.some((shipment) => (shipment.NegotiatedRateCharges ?? null) !== null),
    alerts: said.map((one) => ({ code: one.Code, message: one.Description ?? null })),
  };
}
