import { type RedisCommands } from './redis-commands.js';
import { storedToken, type StoredToken } from './stored-tokens.js';

/** A key, and the turn in which it was last asked for: kept with it, so that nothing is looked up. */
export interface SharedKey {
  readonly key: string;
  /** 0: not yet. */
  turn: number;
  /** Where in what that turn reads. */
  place: number;
}

/** The reads of one turn of the event loop: each key once, whoever asks. */
interface Turn {
  readonly number: number;
  readonly keys: string[];
  readonly values: Promise<readonly StoredToken[]>;
}

/**
 * Reads what concurrent requests ask for within one turn of the event loop by one command. It is sent
 * at the end of the turn, which is when the client would have written it anyway.
 */
export class SharedReads {
  readonly #commands: RedisCommands;
  #turn: Turn | undefined;
  #turns = 0;

  constructor(commands: RedisCommands) {
    this.#commands = commands;
  }

  /** What stands under each of these keys, all of which belong to these reads alone. */
  async getMany(wanted: readonly SharedKey[]): Promise<readonly StoredToken[]> {
    // On a cluster each key is a command of its own.
    if (!this.#commands.crossesSlots) {
      const keys = wanted.map(({ key }) => key);
      return this.#commands.getMany(keys, storedToken);
    }
    const turn = (this.#turn ??= this.#begin());
    const places: number[] = [];
    for (const each of wanted) {
      if (each.turn !== turn.number) {
        each.turn = turn.number;
        each.place = turn.keys.push(each.key) - 1;
      }
      places.push(each.place);
    }
    const values = await turn.values;
    return places.map(place => values[place]);
  }

  #begin(): Turn {
    this.#turns += 1;
    const keys: string[] = [];
    const values = new Promise<readonly StoredToken[]>((resolve, reject) => {
      setImmediate(() => {
        this.#turn = undefined;
        this.#commands.getMany(keys, storedToken).then(resolve, reject);
      });
    });
    return { number: this.#turns, keys, values };
  }
}
