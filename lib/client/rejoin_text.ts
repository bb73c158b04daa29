// The line in a terminal after a loss: the server and its members, what the client sent again, and whether a message is missing.

import type { Translate } from "../i18n/translate.ts";
import { RETAIN_ACKED_MS } from "../protocol/frames.ts";
import type { SessionEvent } from "./session.ts";

/** For `client.may-lack`. */
export const MAY_LACK = { seconds: RETAIN_ACKED_MS / 1_000 } as const;

type Joined = Pick<SessionEvent & { type: "joined" }, "resent" | "truncatedCount" | "mayLack">;

/** `where` must be safe already. */
export function rejoinText(t: Translate, joined: Joined, where: { server: string; names: string }): string {
  const { truncatedCount, mayLack } = joined;
  const sent = sentText(t, joined);
  const lacks = [
    ...truncatedCount > 0 ? [t("client.truncated", { count: truncatedCount })] : [],
    ...mayLack === "any" ? [t("client.may-lack", MAY_LACK)] : [],
    ...mayLack === "of-departed" ? [t("client.may-lack-departed")] : [],
  ];
  const whole = sent === undefined ? t("client.resent-none") : t("client.resent-all", { sent });
  const messages = lacks.length === 0 ? [whole] : [...sent === undefined ? [] : [`${sent}.`], ...lacks];
  return t("client.rejoined", { ...where, messages: messages.join(" ") });
}

/** A user who was told of unconfirmed messages wants to know of these. The others are for members who join later. */
function sentText(t: Translate, { resent }: Joined): string | undefined {
  const unacked = resent.filter(({ timeMs }) => timeMs === 0);
  const [count, key] = unacked.length > 0
    ? [unacked.length, "client.unacked-sent"] as const
    : [resent.length, "client.resent"] as const;
  if (count === 0) return undefined;
  return count === 1 ? t(`${key}-one`) : t(key, { count });
}
