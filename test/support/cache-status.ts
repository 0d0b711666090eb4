/** What Cache-Status says of an answer that came from the cache. */
export const HIT = /^alkey; hit/;
/** Of one that the handler made, and that is there for the next one. */
export const STORED = /^alkey; fwd=miss; stored/;
/** Of one that was neither, because a writer was about to commit. */
export const HELD = /^alkey; fwd=bypass.*held/;
