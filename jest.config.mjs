const toCommonJs = [
  '@swc/jest',
  { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
];

export default {
  testEnvironment: '<rootDir>/test/support/environment.ts',
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': toCommonJs,
    // MongoDB's driver loads `os` by import(), which jest refuses in CommonJS; the driver then sends no handshake.
    'mongodb/lib/runtime_adapters\\.js$': toCommonJs,
    // Written as modules only, which Node loads by require() and jest does not.
    'iso-3166/.+\\.js$': toCommonJs,
  },
  transformIgnorePatterns: ['/node_modules/(?!mongodb/lib/runtime_adapters\\.js|iso-3166/)'],
  // Against hanging only: a busy machine may take minutes for what takes a second here.
  testTimeout: 180_000,
};
