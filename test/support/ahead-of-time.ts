import { jest } from '@jest/globals';

/** Puts this process's clock forward until the end of the block. */
export function aheadOfTime(ms: number): Disposable {
  const { now } = Date;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + ms);
  return { [Symbol.dispose]: () => clock.mockRestore() };
}
