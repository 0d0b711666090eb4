import { tokenStoreContract } from '../contract/token-store.contract.js';
import { redisStoresUnderTest } from '../support/redis-token-stores.js';
import { describeWith } from '../support/suites.js';

describeWith('REDIS_URL', 'on one server', url => {
  tokenStoreContract('RedisTokenStore on one server', options =>
    redisStoresUnderTest(url, options),
  );
});
