/** Marks queries that this library sends itself, so that its own hooks pass them by. */
const MARK = '/* nestjs-alkey */ ';

/** The query, marked as this library's own. */
export function ownQuery(sql: string): string {
  return MARK + sql;
}

export function isOwnQuery(sql: string): boolean {
  return sql.startsWith(MARK);
}
