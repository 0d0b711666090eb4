/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  globalSetup: '<rootDir>/test/support/services.js',
  globalTeardown: '<rootDir>/test/support/services-down.js',
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
    '^nestjs-alkey: '<rootDir>/lib/index.ts',
    // TypeScript sources import './x.js'; on disk it is './x.ts'
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  coverageProvider: 'babel',
  collectCoverageFrom: ['lib/**/*.ts'],
  coverageThreshold: { global: { lines: 90, branches: 80, functions: 90 } },
};
: '<rootDir>/lib/index.ts',
    // TypeScript sources import './x.js'; on disk it is './x.ts'
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  coverageProvider: 'babel',
  collectCoverageFrom: ['lib/**/*.ts'],
  coverageThreshold: { global: { lines: 90, branches: 80, functions: 90 } },
};
