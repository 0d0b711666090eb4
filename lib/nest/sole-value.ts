import { Observable, type Subscriber } from 'rxjs';

/** One value that ended what it came from; or a stream, which gives all it has given so far again. */
export type Answered =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'stream'; readonly stream: Observable<unknown> };

type Notice = (subscriber: Subscriber<unknown>) => void;

/**
 * Subscribes to what a handler answers, and tells its one value from a stream as soon as the first
 * value is there: a promise ends with it at once. A stream is to be subscribed to once; until then
 * it is buffered. Rejects with what `source` fails with before any value.
 */
export function soleValue(source: Observable<unknown>): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const buffer: Notice[] = [];
    let subscriber: Subscriber<unknown> | undefined;
    let count = 0;
    let complete = false;
    const pass = (notice: Notice): void => {
      if (subscriber) notice(subscriber);
      else buffer.push(notice);
    };
    const goOn = (): void => {
      const stream = new Observable<unknown>(listener => {
        for (const notice of buffer.splice(0)) notice(listener);
        subscriber = listener;
        return () => subscription.unsubscribe();
      });
      resolve({ kind: 'stream', stream });
    };
    const subscription = source.subscribe({
      next: value => {
        pass(listener => listener.next(value));
        count += 1;
        if (count > 1) return;
        // The end of a promise, or of `of(value)`, follows before this runs.
        queueMicrotask(() => {
          if (complete && count === 1) resolve({ kind: 'value', value });
          else goOn();
        });
      },
      error: (error: unknown) => {
        if (count === 0) reject(error as Error);
        else pass(listener => listener.error(error));
      },
      complete: () => {
        complete = true;
        pass(listener => listener.complete());
        if (count === 0) goOn();
      },
    });
  });
}
