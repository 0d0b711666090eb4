import { describe } from '@jest/globals';

export type ServiceVariable = 'REDIS_URL' | 'POSTGRES_URL' | 'MARIADB_URL';

type Urls<Names> = Names extends readonly unknown[]
  ? { [Index in keyof Names]: string }
  : [url: string];

// where nothing listens, for a body that looks at its address before it is skipped
const NOWHERE = 'missing://nowhere.invalid';

type Service = { readonly url: string } | { readonly missing: string };

/**
 * A suite that needs real servers. `body` gets their addresses, in the order of `variables`.
 *
 * Where one is missing, the suite is skipped, and its title says which one and why; with
 * `REQUIRE_SERVICES=1` the run has failed before. `body` runs in that case too, to name its tests:
 * it connects in hooks and tests, not by itself.
 */
export function describeWith<
  const Names extends ServiceVariable | readonly ServiceVariable[],
>(variables: Names, title: string, body: (...urls: Urls<Names>) => void): void {
  const names = [variables].flat() as ServiceVariable[];
  const found = names.map(service);
  const urls = found.map(each => ('url' in each ? each.url : NOWHERE));
  const missing = found.flatMap((each, index) =>
    'missing' in each ? [`no ${names[index]} (${each.missing})`] : [],
  );
  const run = () => body(...(urls as Urls<Names>));
  if (missing.length === 0) describe(title, run);
  else describe.skip(`${title} [skipped: ${missing.join(', ')}]`, run);
}

function service(name: ServiceVariable): Service {
  const found = process.env['TEST_SERVICES'];
  if (found === undefined)
    throw new Error(
      `Expected ${name} to be there, but the specs under test/core run without servers. Move this spec elsewhere under test/.`,
    );
  return (JSON.parse(found) as Record<ServiceVariable, Service>)[name];
}
