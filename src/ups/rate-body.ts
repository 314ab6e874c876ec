import { z } from 'zod';
import { manyOf, word, wordOrNull } from './words';

export interface Rating {
  hasNegotiatedCharges: boolean;
  alerts: { code: string; message: string | null }[];
}

const alerts = manyOf(z.object({ Code: word, Description: wordOrNull }));
const charges = z.object({ TotalCharge: z.object({ MonetaryValue: word }) });

const rateBody = z.object({
  RateResponse: z.object({
    Response: z
      .object({ Alert: alerts })
      .nullish()
      .catch(null)
      .transform((response) => response ?? { Alert: [] }),
    RatedShipment: manyOf(z.object({ NegotiatedRateCharges: manyOf(charges), RatedShipmentAlert: alerts })),
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
    hasNegotiatedCharges: RatedShipment.some((shipment) => shipment.NegotiatedRateCharges.length > 0),
    alerts: said.map((one) => ({ code: one.Code, message: one.Description })),
  };
}
