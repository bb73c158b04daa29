// Ids that nobody else has: 64 random bits.

/** A random id, never zero. */
export function randomId(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]! || randomId();
}
