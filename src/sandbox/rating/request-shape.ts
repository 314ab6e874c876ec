import { any, list, oneOrList, text, textOrEmpty, type Fields } from './rules';
import { packageShape } from './package-shape';

// Where these differ from UPS's Rating.yaml: RequestOption need not be there, Service.Code has 2 or 3 characters and Package
// may be a lone object (UPS's own examples fail the file on all three); ShipFrom's country defaults to US, says its text; and
// SubVersion, payers' account numbers and a third party's address line come empty or alone in UPS's well-formed examples.

const unit = { 'Code*': text(1, 3), 'Description*': text(1, 35) };
const money = { 'CurrencyCode*': text(3), 'MonetaryValue*': text(1, 19) };
const accountNumber: Fields = { 'AccountNumber*': textOrEmpty(6) };

const shipperAddress = {
  'AddressLine*': list(any, 3),
  City: any,
  StateProvinceCode: any,
  PostalCode: any,
  'CountryCode*': text(2),
};
const shipToAddress = {
  ...shipperAddress,
  StateProvinceCode: text(2),
  PostalCode: text(1, 9),
  ResidentialAddressIndicator: any,
};
const shipFromAddress = {
  AddressLine: list(any, 3),
  City: any,
  StateProvinceCode: text(2),
  PostalCode: text(1, 9),
  CountryCode: text(2),
};
const accessPointAddress = {
  AddressLine: list(any, 3),
  City: text(1, 30),
  StateProvinceCode: text(2),
  PostalCode: text(1, 9),
  'CountryCode*': text(2),
  ResidentialAddressIndicator: any,
  POBoxIndicator: any,
};

const paymentDetails = {
  'ShipmentCharge*': list(
    {
      'Type*': text(2),
      BillShipper: accountNumber,
      BillReceiver: { ...accountNumber, Address: { PostalCode: text(1, 9) } },
      BillThirdParty: {
        ...accountNumber,
        'Address*': {
          AddressLine: oneOrList(any, 3),
          City: text(1, 30),
          StateProvinceCode: text(2),
          PostalCode: text(1, 9),
          'CountryCode*': text(2),
        },
      },
      ConsigneeBilledIndicator: any,
    },
    2,
  ),
  SplitDutyVATIndicator: any,
};

const freight = {
  FreightDensityInfo: {
    AdjustedHeightIndicator: any,
    AdjustedHeight: {
      'Value*': text(1, 19),
      'UnitOfMeasurement*': { 'Code*': text(1, 2), 'Description*': text(1, 35) },
    },
    'HandlingUnits*': list({
      'Quantity*': text(8),
      'Type*': { 'Code*': text(3), Description: text(1, 35) },
      'Dimensions*': {
        'UnitOfMeasurement*': { 'Code*': text(1, 2), 'Description*': text(1, 35) },
        'Length*': text(1, 19),
        'Width*': text(1, 19),
        'Height*': text(1, 19),
      },
    }),
  },
  DensityEligibleIndicator: any,
};

const serviceOptions = {
  GlobalCheckoutIndicator: any,
  SaturdayPickupIndicator: any,
  SaturdayDeliveryIndicator: any,
  SundayDeliveryIndicator: any,
  AvailableServicesOption: text(1),
  AccessPointCOD: { 'CurrencyCode*': text(3), 'MonetaryValue*': text(2, 11) },
  DeliverToAddresseeOnlyIndicator: any,
  DirectDeliveryOnlyIndicator: any,
  COD: { 'CODFundsCode*': text(1), 'CODAmount*': { 'CurrencyCode*': text(3), 'MonetaryValue*': text(8) } },
  DeliveryConfirmation: { 'DCISType*': any },
  ReturnOfDocumentIndicator: any,
  UPScarbonneutralIndicator: any,
  CertificateOfOriginIndicator: any,
  PickupOptions: { LiftGateAtPickupIndicator: any, HoldForPickupIndicator: any },
  DeliveryOptions: { LiftGateAtDeliveryIndicator: any, DropOffAtUPSFacilityIndicator: any },
  RestrictedArticles: {
    AlcoholicBeveragesIndicator: any,
    DiagnosticSpecimensIndicator: any,
    PerishablesIndicator: any,
    PlantsIndicator: any,
    SeedsIndicator: any,
    SpecialExceptionsIndicator: any,
    TobaccoIndicator: any,
    ECigarettesIndicator: any,
    HempCBDIndicator: any,
  },
  ShipperExportDeclarationIndicator: any,
  CommercialInvoiceRemovalIndicator: any,
  ImportControl: { 'Code*': text(2), Description: text(1, 50) },
  ReturnService: { 'Code*': text(1, 2), Description: text(1, 50) },
  SDLShipmentIndicator: any,
  EPRAIndicator: any,
  InsideDelivery: text(2),
  ItemDisposalIndicator: any,
};

const shipment = {
  OriginRecordTransactionTimestamp: any,
  'Shipper*': { Name: any, AttentionName: any, ShipperNumber: any, 'Address*': shipperAddress },
  'ShipTo*': { Name: any, AttentionName: any, 'Address*': shipToAddress },
  ShipFrom: { Name: any, AttentionName: any, 'Address*': shipFromAddress },
  AlternateDeliveryAddress: { Name: any, 'Address*': accessPointAddress },
  ShipmentIndicationType: list({ 'Code*': text(2), Description: any }),
  PaymentDetails: paymentDetails,
  FRSPaymentInformation: {
    'Type*': { 'Code*': text(3), Description: text(1, 35) },
    AccountNumber: text(6),
    Address: { PostalCode: text(1, 9), 'CountryCode*': text(2) },
  },
  FreightShipmentInformation: freight,
  GoodsNotInFreeCirculationIndicator: any,
  Service: { 'Code*': text(2, 3), Description: any },
  NumOfPieces: any,
  ShipmentTotalWeight: { 'UnitOfMeasurement*': unit, 'Weight*': any },
  DocumentsOnlyIndicator: any,
  'Package*': oneOrList(packageShape, 200),
  ShipmentServiceOptions: serviceOptions,
  ShipmentRatingOptions: {
    NegotiatedRatesIndicator: any,
    FRSShipmentIndicator: any,
    RateChartIndicator: any,
    UserLevelDiscountIndicator: any,
    TPFCNegotiatedRatesIndicator: any,
  },
  InvoiceLineTotal: money,
  RatingMethodRequestedIndicator: any,
  TaxInformationIndicator: any,
  PromotionalDiscountInformation: { 'PromoCode*': text(9), 'PromoAliasCode*': text(20) },
  DeliveryTimeInformation: {
    'PackageBillType*': text(2),
    Pickup: { 'Date*': text(8), Time: text(4, 6) },
    ReturnContractServices: list({ 'Code*': text(2), Description: text(1, 35) }),
  },
  MasterCartonIndicator: any,
  WWEShipmentIndicator: any,
};

/** The whole request. ShipperNumber's length is judged with the profile: UPS has an error of its own for it. */
export const requestShape: Fields = {
  'RateRequest*': {
    'Request*': {
      RequestOption: any,
      SubVersion: textOrEmpty(4),
      TransactionReference: { CustomerContext: text(1, 512) },
    },
    PickupType: { 'Code*': any, Description: text(1, 35) },
    CustomerClassification: { 'Code*': any, Description: any },
    'Shipment*': shipment,
  },
};
