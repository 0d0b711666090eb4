import { Inject, Injectable, Logger } from '@nestjs/common';
import { AlkeyError } from '../core/errors.js';
import { type Dependency } from '../core/identifiers/dependency.js';
import {
  type TableId,
  tableIdentifier,
} from '../core/identifiers/identifier.js';
import { observing } from '../core/reads/flow.js';
import { ReadCheck } from '../core/reads/read-check.js';
import { EntityCatalog } from '../typeorm/entity-catalog.js';
import { type ResolvedOptions } from './alkey.options.js';
import { ALKEY_OPTIONS } from './injection-tokens.js';
import { OncePerText } from './once-per-text.js';

/** Finds out whether handlers read what their refs do not cover. */
@Injectable()
export class UndeclaredReads {
  private readonly logger = new Logger('Alkey');
  private readonly told = new OncePerText();

  constructor(
    @Inject(ALKEY_OPTIONS) private readonly options: ResolvedOptions,
    private readonly catalog: EntityCatalog,
  ) {}

  /**
   * Runs a handler whose answer depends on `declared`.
   *
   * @throws AlkeyError `ALKEY_UNDECLARED_READ` where it read a table beyond that, and `undeclared` is
   * `'throw'`
   */
  async check<T>(
    name: string,
    declared: readonly Dependency[],
    produce: () => Promise<T>,
  ): Promise<T> {
    const { undeclared, parents } = this.options;
    if (undeclared === 'off') return produce();
    const check = new ReadCheck();
    try {
      const value = await observing(check, produce);
      const tables = check.close(declared, parents);
      if (tables.length > 0) this.report(name, tables);
      return value;
    } finally {
      check.closed = true;
    }
  }

  private report(name: string, tables: readonly TableId[]): void {
    const refs = tables.map(table => this.refOf(table)).join(', ');
    const message =
      `${name} reads ${tables.join(', ')}, which its refs do not cover: its answer is kept when that is written. ` +
      `Give @CacheKeyed ${refs} as well, or no refs at all, so that they are found out.`;
    if (this.options.undeclared === 'throw') {
      throw new AlkeyError('ALKEY_UNDECLARED_READ', message);
    }
    this.told.run(`${name} ${refs}`, () =>
      this.logger.warn(`${message} Logged once for each handler and table.`),
    );
  }

  /** What to write in the decorator: the class where there is one. */
  private refOf(table: TableId): string {
    return this.catalog.classOf(table) ?? `'${tableIdentifier(table)}'`;
  }
}
