// Characters for tests.

/** The code points of all planes with characters, lone surrogates included; one of the two private planes. */
export function* codePoints(): Generator<string> {
  for (const plane of [0, 1, 2, 3, 14, 15]) {
    for (let code = 0; code <= 0xffff; code++) yield String.fromCodePoint(plane * 0x1_0000 + code);
  }
}
