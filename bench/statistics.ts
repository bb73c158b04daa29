// Quantiles and other statistics of samples, and their formatting.

/** The value below which a share `q` of the ascending values lies. */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * q))]!;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values.toSorted((a, b) => a - b), 0.5);
}

/** A large number in millions or thousands. */
export function formatShort(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)} k` : value.toFixed(0);
}

/** Bytes in MiB. */
export function formatMiB(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

/** A row of a table, as Markdown has it. */
export function tableRow(...cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The first two rows of a table. */
export function tableHeading(...names: readonly string[]): string {
  return `${tableRow(...names)}\n${tableRow(...names.map(() => "---"))}`;
}
