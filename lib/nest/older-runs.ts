import { type SingleFlight } from '../core/single-flight.js';
import { within } from './within.js';

/** How long anybody waits for a run that began before he asked, in milliseconds; then he runs by himself. */
const LONGEST_WAIT_MS = 5_000;

/**
 * Waits for the run under way, which began too early to be shared: what it leaves may be found all the
 * same. Never rejects, and does not wait for ever for one that hangs.
 */
export async function olderRunOver<V>(
  runs: SingleFlight<string, V>,
  key: string,
): Promise<void> {
  try {
    await within(LONGEST_WAIT_MS, () => runs.over(key));
  } catch {
    // Nothing of it can be found.
  }
}
