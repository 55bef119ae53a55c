/** The words of a TOC file (cdrdao(1), TOC FILES). */
import { type Sheet, sheetError } from "../disc/sheet.js";

const ID = "cdrdao";

export interface Token {
  /** Decoded if it was a string; a word as it stands. */
  text: string;
  string: boolean;
  line: number;
}

/** A string, a brace or comma, a comment, or a word; each alternative is linear. */
const TOKEN = /"((?:[^"\\\n]|\\[^\n])*)("?)|[{},]|\/\/[^\n]*|\n|[^\s"{},/]+|\//g;

export class Tokens {
  private readonly tokens: Token[] = [];
  private next = 0;
  private lastLine = 1;

  constructor(sheet: Sheet) {
    let line = 1;
    for (const match of sheet.text.matchAll(TOKEN)) {
      const [text, string, quote] = match;
      if (text === "\n") line++;
      else if (text.startsWith("//")) continue;
      else if (string !== undefined) {
        if (quote === "") throw sheetError(ID, line, `string ${text} without its end`);
        this.tokens.push({ text: sheet.decode(unescaped(string)), string: true, line });
      } else this.tokens.push({ text, string: false, line });
    }
    this.lastLine = line;
  }

  get line(): number {
    return this.tokens[this.next]?.line ?? this.lastLine;
  }

  peek(): Token | undefined {
    return this.tokens[this.next];
  }

  take(): Token | undefined {
    return this.tokens[this.next++];
  }

  /** Takes the next word if it is this one. */
  takeWord(word: string): boolean {
    const token = this.tokens[this.next];
    if (token === undefined || token.string || token.text !== word) return false;
    this.next++;
    return true;
  }

  takeString(command: string): string {
    const token = this.take();
    if (token?.string === true) return token.text;
    throw this.wrong(`${command} needs a string`, token);
  }

  /** From behind an opening brace to behind the one that closes it. */
  skipBlock(): void {
    for (let depth = 1; depth > 0; ) {
      const token = this.take();
      if (token === undefined) throw sheetError(ID, this.lastLine, "a brace is not closed");
      if (token.string) continue;
      if (token.text === "{") depth++;
      else if (token.text === "}") depth--;
    }
  }

  wrong(problem: string, token: Token | undefined): Error {
    if (token === undefined) return sheetError(ID, this.lastLine, `${problem}, and the file ends`);
    return sheetError(ID, token.line, `${problem}, not ${JSON.stringify(token.text)}`);
  }
}

/** `\"`, `\\` and octal `\303`. Bytes to characters one to one, as in the sheet. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8) & 0xff) : code,
  );
}
