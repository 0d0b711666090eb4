import {
  type EntitySubscriberInterface,
  type InsertEvent,
  type TransactionCommitEvent,
  type TransactionRollbackEvent,
} from 'typeorm';
import { type QueryFacts, type WriteCapture } from './write-capture.js';

/** Told of failures of our own, which must reach neither TypeORM nor its caller. */
export type ReportFailure = (hook: string, error: unknown) => void;

type Hook = Promise<void> | void;

/**
 * Hands TypeORM's events to the capture.
 *
 * No hook throws or rejects: a rejection after a commit would tell the application that its
 * committed transaction failed. The exceptions are the two that run before anything is visible: for
 * `onStoreFailure: 'abort'`, and where a look-up meets what the statement itself would, such as a
 * deadlock.
 */
export class WriteCaptureSubscriber implements EntitySubscriberInterface {
  constructor(
    private readonly capture: WriteCapture,
    private readonly reportFailure: ReportFailure,
    private readonly isIntended: (error: unknown) => boolean,
  ) {}

  beforeQuery(event: QueryFacts): Hook {
    return this.guard('beforeQuery', () => this.capture.beforeQuery(event));
  }

  afterQuery(
    event: QueryFacts & {
      readonly success: boolean;
      readonly rawResults?: unknown;
      readonly error?: unknown;
    },
  ): Hook {
    return this.guard('afterQuery', () => this.capture.afterQuery(event));
  }

  beforeTransactionCommit({ queryRunner }: TransactionCommitEvent): Hook {
    return this.guard('beforeTransactionCommit', () =>
      this.capture.beforeCommit(queryRunner),
    );
  }

  afterTransactionCommit({ queryRunner }: TransactionCommitEvent): Hook {
    return this.guard('afterTransactionCommit', () =>
      this.capture.afterTransaction(queryRunner),
    );
  }

  afterTransactionRollback({ queryRunner }: TransactionRollbackEvent): Hook {
    return this.guard('afterTransactionRollback', () =>
      this.capture.afterTransaction(queryRunner),
    );
  }

  afterInsert({ queryRunner, metadata, entity }: InsertEvent<object>): Hook {
    return this.guard('afterInsert', () => {
      this.capture.afterInsert(queryRunner, metadata, entity);
    });
  }

  private guard(hook: string, run: () => Promise<void> | void): Hook {
    try {
      return run()?.catch((error: unknown) => this.failed(hook, error));
    } catch (error) {
      return this.failed(hook, error);
    }
  }

  /** A mistake of ours must not leave stale what it could not follow: everything is outdated. */
  private async failed(hook: string, error: unknown): Promise<void> {
    if (this.isIntended(error)) throw error;
    this.reportFailure(hook, error);
    await this.capture.touchEverything();
  }
}
