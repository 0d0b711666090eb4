/** Injection token of the options, complete and checked: `ResolvedOptions`. */
export const ALKEY_OPTIONS = Symbol('ALKEY_OPTIONS');

/** Injection token of the cache-manager `Cache` that holds responses. */
export const ALKEY_CACHE = Symbol('ALKEY_CACHE');

/** Injection token of the `WriteAnnouncer`. */
export const ALKEY_ANNOUNCER = Symbol('ALKEY_ANNOUNCER');

/** Injection token of the connection to Redis, `undefined` where there is none. */
export const ALKEY_REDIS = Symbol('ALKEY_REDIS');
