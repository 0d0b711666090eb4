/** The little of Express's response that is needed here. */
export interface Headers {
  setHeader(name: string, value: string): void;
}
