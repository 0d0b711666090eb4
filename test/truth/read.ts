import { type EntityManager } from 'typeorm';

/** A read with a small argument, so that programs ask for the same rows again and again. */
export interface Read {
  readonly name: string;
  run(manager: EntityManager, argument: number): Promise<unknown>;
  /** Whether the order of the answer is asked for, and so is compared. */
  readonly ordered?: true;
}

/** The element that an argument chooses, whatever it is. */
export function chosen<Element>(
  elements: readonly Element[],
  argument: number,
): Element {
  return elements[argument % elements.length]!;
}
