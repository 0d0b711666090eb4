import { hash } from 'node:crypto';
import { chosenToken, type Token } from './token.js';

/**
 * A token that a caller chose for a row. It counts only as long as the tokens that stand for every
 * row of the table (`wider`) are the ones it was chosen under: a bulk write changes those alone.
 *
 * @throws AlkeyError with `ALKEY_INVALID_TOKEN` for the empty text
 */
export function chosenUnder(text: string, wider: readonly Token[]): Token {
  // Minted tokens are base64url, so none begins with this sign.
  return `=${digestOf(wider)}=${chosenToken(text)}` as Token;
}

/** The text of a token that was chosen under `wider`; `undefined` for any other token. */
export function chosenText(
  token: Token,
  wider: readonly Token[],
): string | undefined {
  const prefix = `=${digestOf(wider)}=`;
  return token.startsWith(prefix) ? token.slice(prefix.length) : undefined;
}

function digestOf(tokens: readonly Token[]): string {
  return hash('sha256', JSON.stringify(tokens), 'hex').slice(0, 32);
}
