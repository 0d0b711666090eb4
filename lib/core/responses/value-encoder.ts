import {
  base64Of,
  bytesName,
  constructorOf,
  kindOf,
  ownIndexes,
  ownNames,
  ownValue,
  refuseOwnNames,
  ValueWalk,
  WalkRefused,
} from '../keys/value-walk.js';

/**
 * Writes JSON in which arrays are the tags: `["D",0]` is a Date, `["a",1,2]` an array, and a
 * string or number is itself. So no text of a program can look like a tag.
 */
export class ValueEncoder {
  /** The prototypes of the instances met, by the names of their classes. */
  readonly classes = new Map<string, object>();
  readonly #walk = new ValueWalk();

  /** Where the value is that was refused. */
  get path(): string {
    return this.#walk.path;
  }

  encode(value: unknown): string {
    switch (typeof value) {
      case 'undefined':
        return '["u"]';
      case 'string':
      case 'boolean':
        return JSON.stringify(value);
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0)
          ? `${value}`
          : `["d","${Object.is(value, -0) ? '-0' : value}"]`;
      case 'bigint':
        return `["i","${value}"]`;
      case 'object': {
        if (value === null) return 'null';
        this.#walk.enter(value);
        const text = this.#object(value);
        this.#walk.leave(value);
        return text;
      }
      default:
        throw new WalkRefused(
          typeof value === 'function' ? 'function' : 'symbol',
          value,
        );
    }
  }

  #object(value: object): string {
    const kind = kindOf(value);
    switch (kind) {
      case 'object':
        return Object.getPrototypeOf(value) === null
          ? `["n",${this.#properties(value)}]`
          : `["o",${this.#properties(value)}]`;
      case 'instance':
        return `["c",${JSON.stringify(this.#className(value))},${this.#properties(value)}]`;
      case 'array':
        return this.#array(value as unknown[]);
      case 'map':
        refuseOwnNames(value, 0);
        return this.#map(value as Map<unknown, unknown>);
      case 'set':
        refuseOwnNames(value, 0);
        return this.#set(value as Set<unknown>);
      case 'bytes':
        return `["b","${bytesName(value as ArrayBufferView)}","${base64Of(value as ArrayBufferView)}"]`;
      case 'array-buffer':
        refuseOwnNames(value, 0);
        return `["b","ArrayBuffer","${base64Of(value as ArrayBuffer)}"]`;
      case 'date':
        refuseOwnNames(value, 0);
        // An invalid Date has NaN, for which JSON writes null.
        return JSON.stringify(['D', Date.prototype.getTime.call(value)]);
      case 'url':
        refuseOwnNames(value, 0);
        return JSON.stringify(['U', (value as URL).href]);
      case 'regexp': {
        refuseOwnNames(value, 1);
        const { source, flags, lastIndex } = value as RegExp;
        return JSON.stringify(['R', source, flags, lastIndex]);
      }
      case 'built-in':
        throw new WalkRefused(kind, value);
    }
  }

  #className(value: object): string {
    const prototype = Object.getPrototypeOf(value) as object;
    const constructor = constructorOf(prototype);
    const name: unknown =
      constructor &&
      Object.getOwnPropertyDescriptor(constructor, 'name')?.value;
    if (typeof name !== 'string' || name === '') {
      throw new WalkRefused('nameless-class', value);
    }
    const other = this.classes.get(name);
    if (other !== undefined && other !== prototype) {
      throw new WalkRefused('class-name', value);
    }
    this.classes.set(name, prototype);
    return name;
  }

  #properties(value: object): string {
    const members: string[] = [];
    for (const name of ownNames(value)) {
      this.#walk.down(name);
      members.push(
        `${JSON.stringify(name)}:${this.encode(ownValue(value, name))}`,
      );
      this.#walk.up();
    }
    return `{${members.join(',')}}`;
  }

  #array(value: readonly unknown[]): string {
    let text = '["a"';
    let next = 0;
    for (const index of ownIndexes(value)) {
      if (index > next) text += `,["_",${index - next}]`;
      this.#walk.down(index);
      text += `,${this.encode(ownValue(value, `${index}`))}`;
      this.#walk.up();
      next = index + 1;
    }
    if (value.length > next) text += `,["_",${value.length - next}]`;
    return `${text}]`;
  }

  #map(value: ReadonlyMap<unknown, unknown>): string {
    let text = '["M"';
    let entry = 0;
    for (const [key, content] of Map.prototype.entries.call(value)) {
      this.#walk.down({ entry, side: 'key' });
      text += `,${this.encode(key)}`;
      this.#walk.up();
      this.#walk.down({ entry, side: 'value' });
      text += `,${this.encode(content)}`;
      this.#walk.up();
      entry++;
    }
    return `${text}]`;
  }

  #set(value: ReadonlySet<unknown>): string {
    let text = '["S"';
    let entry = 0;
    for (const member of Set.prototype.values.call(value)) {
      this.#walk.down({ entry });
      text += `,${this.encode(member)}`;
      this.#walk.up();
      entry++;
    }
    return `${text}]`;
  }
}
