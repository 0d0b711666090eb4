/** RFC 5861 §4: what `stale-if-error` counts as an error. */
const OUTAGES = new Set([500, 502, 503, 504]);

/** Whether a status says that there is no answer now, rather than what the answer is. */
export function isOutage(status: number): boolean {
  return OUTAGES.has(status);
}

/**
 * The status that a thrown error stands for: the one that it carries, as HTTP errors do; 404 for what
 * TypeORM throws where a row is not there; 500 for any other, as Nest answers it.
 */
export function statusOfError(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 500;
  const { getStatus, status, statusCode, name } = error as {
    readonly getStatus?: () => unknown;
    readonly status?: unknown;
    readonly statusCode?: unknown;
    readonly name?: unknown;
  };
  const carried =
    typeof getStatus === 'function'
      ? getStatus.call(error)
      : (status ?? statusCode);
  if (Number.isInteger(carried) && Number(carried) >= 400) {
    return Number(carried);
  }
  return name === 'EntityNotFoundError' ? 404 : 500;
}
