// What looks like the address of a server, right or wrong, among what a user types.

const IP_LIKE = [
  /^\d+(?:\.+\d+){3,}\.?(?::\S*|\s+\d+)?$/, // 10.0.0.300, 10.0.0.7 99999, 10.0.0.7.5000
  /^\[[\da-f:.]+(?:%\w+)?\](?::\S*)?$/i, // [::1]:x
];
/** aula:5o00, but no time as 12:30. */
const NAME_AND_PORT = /^(?!\d{1,2}:)[\p{L}\p{M}\d._-]+:(?=\w*\d)\w+$/u;
/** 99999, :99999, but no smiley as :3. */
const PORT = /^(?:\d{4,5}|:\d{2,})$/;
/** http://10.0.0.7:5000, but no page as http://aula/nota. */
const URL_OF_HOST = /^\w+:\/\/[^\s/]+\/?$/;
/** 10.0.0, .0.7:5000, but no time as 12:30:15 and no date as 29.11.2026. */
const MOST_OF_IP = /^\d{0,3}(?:\.\d{1,3})+(?:\.\d{1,3}|:\d+)$/;
/** `¿seguimos?10.0.0.7:5000`, but not `usa la v1.2.3.4`. */
const IP_AFTER_DRAFT = /[?!.,;)]\s*\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?$/;

/** Whether a line can be nothing but an IP address, right or wrong. */
export function isLikeIP(line: string): boolean {
  return IP_LIKE.some((ip) => ip.test(line.trim()));
}

/** The same for a name with its port too. */
export function isLikeAddress(line: string): boolean {
  return isLikeIP(line) || NAME_AND_PORT.test(line.trim());
}

export function isLikePort(answer: string): boolean {
  return PORT.test(answer);
}

export function isURLOfHost(answer: string): boolean {
  return URL_OF_HOST.test(answer);
}

/** Whether a text can be nothing but an address or part of one. */
export function isPartOfAddress(text: string): boolean {
  return /^[\d.:]+$/.test(text) || isLikeAddress(text);
}

/** Whether a text is an IP address whose end or beginning is missing. */
export function isMostOfIP(text: string): boolean {
  return MOST_OF_IP.test(text);
}

/** Whether an IP address was typed right behind a draft that the line held. */
export function endsWithIP(line: string): boolean {
  return IP_AFTER_DRAFT.test(line);
}
