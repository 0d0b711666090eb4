const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^nestjs-alkey$': '<rootDir>/lib/index.ts',
    '^nestjs-alkey/testing$': '<rootDir>/lib/testing/index.ts',
    // TypeScript sources import './x.js'; on disk it is './x.ts'
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
};

// runs only where a file of such a project runs: the core's need no server
const services = {
  globalSetup: '<rootDir>/test/support/services.js',
  globalTeardown: '<rootDir>/test/support/services-down.js',
};

/** @type {import('jest').Config} */
export default {
  projects: [
    {
      ...shared,
      displayName: 'core',
      // lib has no specs, but a file of it that no spec imports counts as uncovered
      roots: ['<rootDir>/test/core', '<rootDir>/lib'],
      testMatch: ['**/test/core/**/*.spec.ts'],
    },
    {
      ...shared,
      ...services,
      displayName: 'services',
      roots: ['<rootDir>/test', '<rootDir>/sample'],
      testMatch: ['**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/core/'],
    },
    {
      // what answers requests, once more: with copies of tokens in the process
      ...shared,
      ...services,
      displayName: 'near',
      testEnvironment: '<rootDir>/test/support/near-environment.js',
      roots: ['<rootDir>/test/http', '<rootDir>/test/calls'],
      testMatch: ['**/*.spec.ts'],
    },
  ],
  // several wait for processes of their own most of the time
  maxWorkers: 3,
  testSequencer: '<rootDir>/test/support/longest-first.js',
  testTimeout: 20_000,
  reporters: ['default', '<rootDir>/test/support/missing-services-reporter.js'],
  coverageProvider: 'babel',
  collectCoverageFrom: ['lib/**/*.ts'],
  coverageThreshold: { global: { lines: 90, branches: 80, functions: 90 } },
};
