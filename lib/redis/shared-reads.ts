import { type RedisCommands } from './redis-commands.js';
import { storedToken, type StoredToken } from './stored-tokens.js';

/** The reads of one turn of the event loop: each key once, whoever asks. */
interface Turn {
  readonly places: Map<string, number>;
  readonly values: Promise<readonly StoredToken[]>;
}

/**
 * Reads what concurrent requests ask for within one turn of the event loop by one command. It is sent
 * at the end of the turn, which is when the client would have written it anyway.
 */
export class SharedReads {
  readonly #commands: RedisCommands;
  #turn: Turn | undefined;

  constructor(commands: RedisCommands) {
    this.#commands = commands;
  }

  async getMany(keys: readonly string[]): Promise<readonly StoredToken[]> {
    // On a cluster each key is a command of its own.
    if (!this.#commands.crossesSlots) {
      return this.#commands.getMany(keys, storedToken);
    }
    const turn = (this.#turn ??= this.#begin());
    const { places } = turn;
    const wanted: number[] = [];
    for (const key of keys) {
      let place = places.get(key);
      if (place === undefined) places.set(key, (place = places.size));
      wanted.push(place);
    }
    const values = await turn.values;
    return wanted.map(place => values[place]);
  }

  #begin(): Turn {
    const places = new Map<string, number>();
    const values = new Promise<readonly StoredToken[]>((resolve, reject) => {
      setImmediate(() => {
        this.#turn = undefined;
        this.#commands
          .getMany([...places.keys()], storedToken)
          .then(resolve, reject);
      });
    });
    return { places, values };
  }
}
