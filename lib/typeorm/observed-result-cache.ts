import { type DataSource } from 'typeorm';
import { observersNow } from '../core/reads/flow.js';

/**
 * Says of what TypeORM's own cache answers, of which no statement is sent, that nobody knows how old it
 * is.
 */
export function observeResultCache(dataSource: DataSource): () => void {
  const { queryResultCache: cache } = dataSource;
  if (!cache) return () => {};
  const { getFromCache } = cache;
  let stopped = false;
  const getObserved: typeof getFromCache = async (...parameters) => {
    const found = await getFromCache.apply(cache, parameters);
    const observers = stopped || !found ? undefined : observersNow();
    for (const observer of observers ?? []) {
      observer.refuse('unknown-read', "TypeORM's own cache answered");
    }
    return found;
  };
  cache.getFromCache = getObserved;
  return () => {
    stopped = true;
    if (cache.getFromCache === getObserved) cache.getFromCache = getFromCache;
  };
}
