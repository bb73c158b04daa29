// What a connection needs of a socket.

/** What bytes come and go by: a `Deno.TcpConn`, or TLS over one. */
export interface Socket {
  readonly remoteAddr: Deno.NetAddr;
  /** Whether each write goes out at once (RFC 896 has TCP wait). May throw if the peer has hung up already. */
  setNoDelay(isOff: boolean): void;
  /** Reads what is there. Returns how many bytes that is, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, from the first on. Returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends our side, behind all that was written. */
  closeWrite(): Promise<void>;
  /** Ends both sides at once. */
  close(): void;
}
