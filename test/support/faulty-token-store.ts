export { FaultyTokenStore } from '../../lib/testing/faulty-token-store.js';
