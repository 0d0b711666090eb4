// jest testEnvironment of the project `near`: where a spec asks for no store of its own, `startApp` keeps
// tokens in Redis with copies in the process. Where there is no Redis, every suite is skipped by name.
import { TestEnvironment } from 'jest-environment-node';

export default class NearEnvironment extends TestEnvironment {
  #missing;

  async setup() {
    await super.setup();
    const { url, missing } = JSON.parse(process.env.TEST_SERVICES).REDIS_URL;
    this.#missing = missing;
    this.global.redisOfNearTokens = url ?? 'missing://nowhere.invalid';
  }

  handleTestEvent({ name }, { rootDescribeBlock }) {
    if (name !== 'run_start' || this.#missing === undefined) return;
    for (const each of rootDescribeBlock.children) {
      if (each.mode === 'skip') continue;
      each.name += ` [skipped: no REDIS_URL (${this.#missing})]`;
      skip(each);
    }
  }
}

function skip(block) {
  block.mode = 'skip';
  block.children?.forEach(skip);
}
