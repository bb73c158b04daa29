// The numbers of the wire: types of frames, bits of flags. Knows nothing of what they stand for.

/** Frame types; a server's have the high bit. */
export const FRAME_TYPE = {
  hello: 0x01,
  say: 0x02,
  clientPing: 0x03,
  clientPong: 0x04,
  clientBye: 0x05,
  nick: 0x06,
  welcome: 0x81,
  said: 0x82,
  serverPing: 0x83,
  serverPong: 0x84,
  serverBye: 0x85,
  error: 0x86,
  joined: 0x87,
  left: 0x88,
  noop: 0x89,
  renamed: 0x8a,
  announced: 0x8b,
  backups: 0x8c,
  rejected: 0x8d,
  stalled: 0x8e,
} as const;

/** Bits of SAY's `flags`; those of SAID are these, one bit further up. */
export const FLAG_ACTION = 1, PRIVATE = 2;
/** The lowest bit of SAID's `flags`. */
export const FLAG_REDELIVERED = 1;
/** The bit of JOINED's `flags`. */
export const FLAG_REJOINED = 1;
/** Bits of LEFT's `flags`. */
export const FLAG_CONNECTION_LOST = 1, KICKED = 2;
/** The bit of WAITING's `flags`. */
export const FLAG_RESOLVED = 1;
