// The default settings of servers and clients, with the overrides of a test.

import { type ClientConfig, DEFAULT_CONFIG as DEFAULT_CLIENT_CONFIG } from "../../lib/client/config.ts";
import { DEFAULT_CONFIG, type ServerConfig } from "../../lib/server/config.ts";

/** Any part of a configuration. */
export type DeepPartial<T> = T extends readonly unknown[] | ((...args: never[]) => unknown) ? T
  : T extends object ? { readonly [Key in keyof T]?: DeepPartial<T[Key]> }
  : T;

export function testConfig(overrides: DeepPartial<ServerConfig> = {}): ServerConfig {
  return merge(DEFAULT_CONFIG, overrides) as ServerConfig;
}

export function testClientConfig(overrides: DeepPartial<ClientConfig> = {}): ClientConfig {
  return merge(DEFAULT_CLIENT_CONFIG, overrides) as ClientConfig;
}

/** A copy of `defaults` in which what `overrides` has takes precedence, object by object. */
export function merge<T extends object>(defaults: T, overrides: DeepPartial<T>): T {
  const merged = { ...defaults } as Record<string, unknown>;
  for (const [name, value] of Object.entries(overrides as object)) {
    const isGroup = Object.getPrototypeOf(value ?? 0) === Object.prototype;
    merged[name] = isGroup ? merge(merged[name] ?? {}, value) : value;
  }
  return merged as T;
}
