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
      displayName: 'services',
      roots: ['<rootDir>/test', '<rootDir>/sample'],
      testMatch: ['**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/core/'],
      // runs only where a file of this project runs: the core's need no server
      globalSetup: '<rootDir>/test/support/services.js',
      globalTeardown: '<rootDir>/test/support/services-down.js',
    },
  ],
  maxWorkers: 2,
  testTimeout: 20_000,
  reporters: ['default', '<rootDir>/test/support/missing-services-reporter.js'],
  coverageProvider: 'babel',
  collectCoverageFrom: ['lib/**/*.ts'],
  coverageThreshold: { global: { lines: 90, branches: 80, functions: 90 } },
};
