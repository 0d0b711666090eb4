export {
  AlkeyTestingModule,
  type AlkeyTestingOptions,
} from './alkey-testing.module.js';
export { expectTouched, expectUntouched } from './expect-touched.js';
export {
  type Fault,
  FaultyTokenStore,
  type StoreOperation,
} from './faulty-token-store.js';
