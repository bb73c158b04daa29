// How the parts of a line look on a terminal with colours, and that they look like nothing without. Pure; what it
// paints is safe already.

import { dim, inverse, rgb8 } from "@std/fmt/colors";

/** Paints the parts of a line. */
export interface Theme {
  readonly time: (text: string) => string;
  /** In a colour that this session has on every screen. */
  readonly nick: (nick: string, sessionId: bigint) => string;
  /** The reader's own nick in what somebody else says. */
  readonly mention: (word: string) => string;
}

/** Colours of xterm's 256 that stand out from black as well as from white, and from each other: each has a
 * contrast of at least 3.5 with both (WCAG 2.2, "contrast ratio"), of 4.6 that there can be. */
export const NICK_COLORS = [28, 27, 130, 162, 30, 129, 160, 64, 63, 166, 133, 100] as const;

/** For a terminal that shows colours. */
export const COLOR_THEME: Theme = {
  time: dim,
  // Ids are spread evenly: they are a hash.
  nick: (nick, sessionId) => rgb8(nick, NICK_COLORS[Number(sessionId % BigInt(NICK_COLORS.length))]!),
  mention: inverse,
};

const identity = (text: string): string => text;

/** For anything else. */
export const PLAIN_THEME: Theme = { time: identity, nick: identity, mention: identity };
