import { any, list, text, type Fields } from './rules';

const amount = { 'CurrencyCode*': text(3), 'MonetaryValue*': text(8) };
// The text of these says that their description, or their currency's length, is not validated.
const loosely = { 'Code*': text(1, 3), 'Description*': any };
const looseAmount = { 'CurrencyCode*': any, 'MonetaryValue*': text(8) };

const chemicalRecord = {
  ChemicalRecordIdentifier: text(1, 3),
  ClassDivisionNumber: text(1, 7),
  IDNumber: text(1, 6),
  'TransportationMode*': text(2),
  'RegulationSet*': text(3, 4),
  EmergencyPhone: text(1, 25),
  EmergencyContact: text(1, 35),
  ReportableQuantity: text(1, 2),
  SubRiskClass: text(1, 100),
  PackagingGroupType: text(1, 10),
  Quantity: text(15),
  UOM: text(1, 10),
  PackagingInstructionCode: text(1, 353),
  ProperShippingName: text(1, 250),
  TechnicalName: text(1, 300),
  AdditionalDescription: text(1, 75),
  PackagingType: text(1, 255),
  HazardLabelRequired: text(1, 50),
  PackagingTypeQuantity: text(1, 3),
  CommodityRegulatedLevelCode: text(2),
  TransportCategory: text(1),
  TunnelRestrictionCode: text(1, 10),
};

const dryIce = {
  'RegulationSet*': text(3, 4),
  // Two characters in the file, yet its text names KGS and LBS.
  'DryIceWeight*': {
    'UnitOfMeasurement*': { 'Code*': text(1, 3), 'Description*': text(1, 20) },
    'Weight*': text(1, 5),
  },
  MedicalUseIndicator: any,
  AuditRequired: any,
};

const packageServiceOptions = {
  DeliveryConfirmation: { 'DCISType*': text(1) },
  AccessPointCOD: { 'CurrencyCode*': text(3), 'MonetaryValue*': text(2, 11) },
  COD: { 'CODFundsCode*': text(1), 'CODAmount*': amount },
  DeclaredValue: looseAmount,
  ShipperDeclaredValue: { 'CurrencyCode*': text(3), 'MonetaryValue*': text(1, 19) },
  ShipperReleaseIndicator: any,
  ProactiveIndicator: any,
  RefrigerationIndicator: any,
  Insurance: {
    BasicFlexibleParcelIndicator: amount,
    ExtendedFlexibleParcelIndicator: amount,
    TimeInTransitFlexibleParcelIndicator: amount,
    PackageProtection: looseAmount,
  },
  UPSPremiumCareIndicator: any,
  HazMat: {
    PackageIdentifier: text(1, 5),
    QValue: text(3),
    OverPackedIndicator: any,
    AllPackedInOneIndicator: any,
    'HazMatChemicalRecord*': list(chemicalRecord, 3),
  },
  DryIce: dryIce,
};

export const packageShape: Fields = {
  PackagingType: { 'Code*': text(2), Description: any },
  Dimensions: {
    'UnitOfMeasurement*': { 'Code*': text(1, 2), 'Description*': any },
    'Length*': text(1, 9),
    'Width*': text(1, 9),
    'Height*': text(1, 9),
  },
  DimWeight: { UnitOfMeasurement: loosely, Weight: text(1, 6) },
  PackageWeight: { 'UnitOfMeasurement*': loosely, 'Weight*': text(1, 6) },
  Commodity: { 'FreightClass*': text(10), NMFC: { 'PrimeCode*': text(4, 6), SubCode: text(2) } },
  LargePackageIndicator: any,
  PackageServiceOptions: packageServiceOptions,
  AdditionalHandlingIndicator: any,
  // Two characters in the file, yet its text names S, M and L.
  SimpleRate: { 'Code*': text(1, 2), Description: text(1, 35) },
  UPSPremier: { 'Category*': text(2) },
  OversizeIndicator: any,
  MinimumBillableWeightIndicator: any,
};
