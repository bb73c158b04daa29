// What went wrong, in English, in the order of es_errors.ts.

import type { SPANISH_ERRORS } from "./es_errors.ts";

export const ENGLISH_ERRORS = {
  "error.http-request": "it asked for a web page, and was shown how to join the chat",
  "error.output-failed":
    "Cannot write the output: {reason}. Check the disk; lines are left out until it works again.",

  "error.port-invalid": 'Port "{port}" is not valid: it must be a number from 1 to 65535.',
  "error.address-invalid": '"{address}" is not an address: type an IP or a name, with or without ":port".',
  "error.ip-invalid": '"{ip}" is not an IP address: type one such as 192.168.1.5.',
  "error.ip-not-banned": "{ip} is not banned.",
  "error.minutes-invalid": '"{minutes}" is not valid: give the minutes as a whole number from 0 to {max}.',
  "error.address-link-local":
    "{server} is a link-local address, which depends on each client's interface: give another one.",
  "error.backup-is-self": "{server} is this server itself: name another one as its backup.",
  "error.backup-unknown": "{server} is not a backup server. /backup lists them.",
  "error.backup-serves": "{server} serves this room too: to remove it from the backups, stop that server.",
  "error.backups-full": "There are already {max} backup servers, the maximum: remove one first.",
  "error.pattern-invalid":
    "Pattern \"{pattern}\" is not valid: use yyyy, MM, dd, HH, mm, ss and text in 'quotes'.",
  "error.choice-invalid": "Choose a number from 1 to {max}.",
  "error.nick-invalid": 'Nick "{nick}" is not valid: use only letters, digits, "_" and "-" (up to {max}).',
  "nick-invalid.empty": 'Type a nick of 1 to {max} letters, digits, "_" or "-".',
  "error.nick-mixed": 'Nick "{nick}" is not valid: use the letters of one alphabet only.',
  "error.nick-unknown": 'No member has the nick "{nick}": /who shows who is online.',
  "error.nick-mistyped": 'No member has the nick "{nick}". Did you mean {suggestion}?',
  "error.text-too-long": "Not sent: the message has {length} characters; shorten it to {max}.",
  "text-too-long.more": "Not sent: the message has over {count} characters; shorten it to {max}.",
  "text-too-long.recall": "Press the up arrow to edit it.",
  "error.command-unknown": 'Unknown command "{command}". Type /help for the list.',
  "error.command-mistyped":
    'Unknown command "{command}". Did you mean {suggestion}? Type /help for the list.',
  "error.command-of-console": "{command} works only at the server's console; the client's commands: /help.",
  "error.args-missing": "Not run. Type: {usage}",
  "error.args-extra": "Too much text: not run. Type: {usage}",
  "error.request-invalid": "Not a request: {request}. Write a JSON object with one of: {fields}.",
  "error.flag-unknown": 'Unknown flag "{flag}". Try --help.',
  "error.flag-mistyped": 'Unknown flag "{flag}". Did you mean {suggestion}? Try --help.',
  "error.time-invalid": '"{time}" is not a date: write 2026-11-29 or 2026-11-29T18:00, for example.',
  "error.flag-value-missing": 'Flag "{flag}" needs a value. Try --help.',
  "error.flag-value-invalid": 'Flag "{flag}" does not accept "{value}". Try --help.',
  "error.argument-unexpected": 'Unexpected argument "{argument}". Try --help.',
  "error.input-ended": 'The input ended without an answer to "{question}": give it as a flag. Try --help.',

  "error.name-unknown": 'Cannot find "{host}": check the name, or type the IP.',
  "error.refused": "No server listens on {server}: check the address and the port.",
  "error.unreachable": "Cannot reach {server}: check the address and the network ({reason}).",
  "error.network-away": "No network connection to {server}: check the cable, the Wi-Fi and the address.",
  "error.no-answer": "{server} did not answer in {seconds} s: check the address and the firewall.",
  "error.name-late": 'Could not look up "{host}" within {seconds} s: check the network, or type the IP.',
  "error.no-welcome":
    "{server} accepted the connection, but did not answer in {seconds} s: check that it is a chat server.",
  "error.not-a-chat-server": "{server} is not a server of this chat: check the address and the port.",

  "error.nats-unreachable": "Cannot reach NATS at {servers}: {reason}. Start it, or check --nats.",
  "error.nats-refused": "NATS at {servers} rejected the credentials: check --nats-creds, or those in --nats.",
  "error.nats-forbidden": "NATS at {servers} denies this user a permission: {reason}. Grant it in NATS.",
  "error.nats-tls":
    "TLS with NATS at {servers} failed: {reason}. For an authority of your own, use --nats-ca.",
  "error.nats-no-jetstream": "NATS at {servers} has no JetStream: start it with nats-server -js -sd FOLDER.",
  "error.nats-full": "NATS at {servers} has no space for the room: add some, or delete old data.",
  "error.nats-other-stream": "Stream {stream} in NATS is not a room: choose another name with --room.",
  "error.nats-stream-small":
    "Stream {stream} in NATS has limits too low for a room: raise max_bytes and max_msg_size, or change --room.",
  "error.nats-overlap": "Another stream in NATS already receives this room's messages: change --room.",
  "error.nats-stream-gone": "The room was deleted in NATS: restart this server to begin an empty one.",
  "error.nats-log-back":
    "NATS lost the latest messages: restart this server; clients send again those that they still have.",
  "error.nats-unread": "NATS does not deliver the whole room: try again, or restart NATS.",
  "error.nats-newer": "Another server of the room runs a newer version: update this one.",
  "error.nats-log-cut": "Messages of the room are missing in NATS: restart this server.",

  "error.port-in-use": "Port {port} is already in use on {host}: choose another.",
  "error.port-privileged": "Port {port} needs administrator rights: choose 1024 or higher.",
  "error.address-not-local": "{host} is not an address of this machine: choose one that it has.",
  "error.accept-failed": "Cannot accept more connections: {reason}. Retrying.",
  "error.listen-failed": "Cannot listen on {host}, port {port}: {reason}. Choose another address or port.",

  "error.closing": "the server was shut down",
  "error.closed": "the server cut the connection",
  "error.broken": "the connection broke",
  "error.silent": "the server stopped responding",
  "error.garbled": "the server sent invalid data",

  "wire.frame-too-long": "a frame was too long",
  "wire.frame-malformed": "a frame was malformed",
  "wire.frame-unknown": "a frame was of an unknown type",
  "wire.frame-unexpected": "a frame was out of place",
  "wire.version-unsupported":
    "client and server use different versions of the protocol; update the older one",
  "wire.frame-late": "a frame took too long to arrive",
  "wire.counter-backwards": "messages came out of order",
  "wire.store-away": "the server cannot save messages right now; this may pass in a moment",
  "wire.room-full": "the room is full until a member leaves",
  "wire.address-crowded":
    "too many connections from the same address or network (the server's limit: --max-per-address)",
  "wire.entering-too-often": "too many joins from the same address; this passes after a minute",
  "wire.hello-late": "the handshake timed out",
  "wire.nick-invalid": 'nick "{nick}" is not allowed',
  "wire.nick-mixed": 'nick "{nick}" mixes letters of several alphabets',
  "wire.nick-taken": 'nick "{nick}" is already in use',
  "wire.nick-lookalike": 'nick "{nick}" looks too much like one in use',
  "wire.text-invalid": "a message was not valid",
  "wire.replaced": "the same session connected from elsewhere",
  "wire.kicked": "You were kicked: {reason}",
  "kicked.no-reason": "You were kicked.",
  "wire.banned": "this client's address is banned for now",
  "wire.too-slow": "the client read too slowly",
  "wire.silent": "the client stopped responding",
  "wire.password-needed": "it asks for a password",
  "wire.password-wrong": "the password is wrong",
  "wire.tls-needed": "it accepts only TLS (flag --tls)",
  "wire.tls-unexpected": "the client tried TLS, but this server does not use it",
  "error.unknown": "{reason} ({code})",

  "error.password-empty": "The password is empty: type it.",
  "error.password-file-empty": "The password in {path} is empty: write it on the first line.",
  "error.password-too-long": "The password is too long: the limit is {max} bytes.",
  "error.file-unreadable": "Cannot read {path}: {reason}.",
  "error.file-too-large": "{path} is larger than 1 MiB: check that it is the right file.",
  "error.file-not-text": "{path} is not UTF-8 text: save it as UTF-8, and certificates as PEM.",
  "error.file-unwritable": "Cannot write {path}: {reason}.",
  "error.nats-url-invalid": "{url} is not a NATS address: write nats://10.0.0.7:4222, for example.",
  "error.nats-creds-invalid":
    "{path} holds no NATS credentials: use a .creds file, or user:password on the first line.",
  "error.room-invalid": "{room} is not a valid room name: use 1 to 32 English letters, digits, _ or -.",
  "error.fingerprint-invalid":
    '"{fingerprint}" is not a fingerprint: copy it from the server, with its "SHA256:".',
  "error.authority-invalid": "{path} holds no valid PEM certificate of an authority: check the file.",
  "error.certificate-invalid":
    "{path} holds no valid PEM certificate, or the key belongs to another certificate: check both files.",
  "error.key-encrypted": "The key in {path} has a passphrase: use a key without one.",
  "error.certificate-unusable": "TLS cannot use {path} or its key ({reason}): use an RSA or P-256 key.",
  "error.answer-is-talk": '"{text}" is not a server: moved to your chat line, unsent.',
  "error.answer-not-sent": '"{text}" is not a server, and was not sent: type IP or name[:port].',
  "error.answer-to-chat": '"{text}" is not a server: it goes to the chat.',
  "error.answer-unclear": "Answer yes or no.",
  "error.flag-alone": 'Flag "{flag}" needs "{other}" as well. Try --help.',
  "error.flags-contrary": 'Flags "{flag}" and "{other}" cannot be combined. Try --help.',
  "error.no-folder": "There is no known folder for the certificate: give one with --tls-dir.",
  "error.tls-lacking":
    "TLS needs Deno 2.8 or later, and this is {runtime}: update Deno, or use a newer Deno to compile this program again.",

  "reason.is-folder": "it is a folder",
  "reason.is-link": "it is a symbolic link; put the file there to which it leads, or remove the link",
  "reason.no-file": "it is not a file",
  "reason.has-names": "it has several names (hard links); keep only the name that the server used last",
  "reason.missing": "it does not exist",
  "reason.not-folder": "part of that path is a file, not a folder; correct the path",
  "reason.link-loop": "its symbolic links form a loop",
  "reason.name-too-long": "the name is too long",
  "reason.no-permission": "permission denied",
  "reason.read-only": "the disk is read-only",
  "reason.no-space": "the disk is full",
  "reason.size-limit": "the file has reached its size limit",
  "reason.disk-broken": "the disk is failing, or the quota is used up",
  "reason.too-many-open": "too many files and connections are open",
  "reason.not-listening": "no server listens there",
  "reason.broken": "the connection broke",
  "reason.no-route": "there is no route to it",
  "reason.no-address": "this machine has no suitable address",
  "reason.no-ipv6": "this machine does not use IPv6",
  "reason.address-unfit": "no server can have that address",
  "reason.zone": "add an interface of this machine to the address, such as fe80::1%eth0",
  "reason.name-unknown": "name not found",
  "reason.no-answer": "no answer",
  "reason.certificate-other-name": "it is for another name or address",
  "reason.certificate-stranger": "unknown certificate authority",
  "reason.folder-missing": "its folder does not exist",
  "reason.folder-closed": "its folder is not writable",
  "reason.no-tls": "it does not use TLS",
  "reason.not-nats": "another program listens there, not NATS",

  "error.data-busy": "Another server is using {path}: stop that server, or use another file.",
  "error.data-newer": "{path} has a newer format ({version}) and was not changed: update this program.",
  "error.data-damaged":
    "{path} is damaged, or not a room's file. It was not changed: restore a copy, or use another file.",
  "error.data-unusable": "Cannot use {path}: {reason}.",
  "error.disk-full": "The disk is full: messages wait. Free some space, and the room continues.",
  "error.disk-full-at-start": "The disk is full: free at least {megabytes} MB for {path}, then start again.",
  "error.data-gone":
    "{path} was deleted, moved or emptied: messages wait, and the latest may be lost. If it was moved, move it back. Otherwise, stop the server and delete what is left of the file, also {path}-wal and {path}-shm; if you have a copy, put it in its place. Then start the server.",
  "error.copy-unwritable":
    "--export cannot copy {path} to {folder} or to the temporary folder ({reason}). Free space there, or set TMPDIR to another folder.",
  "error.export-cut": "--export was interrupted, and did not print all of {path}: run it again.",
  "error.disk-failed": "Messages cannot be saved ({reason}): they wait. Retrying every second.",

  "error.not-tls":
    "{server} does not use TLS, and this client no longer connects unencrypted. If you trust it, exit and join it without TLS flags.",
  "error.tls-gone":
    "{server} used TLS and now does not encrypt: it may be an impostor. Its certificate is in {path}, line {line}. If its operator confirms the change, forget the certificate: {client} --forget {server}",
  "error.server-not-known":
    "No certificate of {server} is remembered: type the address that you connected to.",
  "error.config-line": "{path}, line {line}: {why}",
  "error.tls-failed": "The TLS connection to {server} failed: {reason}. Check the address and the port.",
  "error.certificate-refused":
    "The certificate of {server} is not valid: {reason}. Check the server's name and --ca.",
  "error.certificate-unfit":
    "The certificate of {server} cannot be remembered, because an authority signed it. Give that authority with --ca.",
  "error.certificate-early":
    "The certificate of {server} is not valid yet. The clock of this machine shows {now}: if that is wrong, set it.",
  "error.certificate-expired":
    "The certificate of {server} has expired. The clock of this machine shows {now}: if that is right, the server's operator must make another.",
  "error.certificate-unknown":
    "The certificate of {server} is not known. If the server shows the same fingerprint when it starts, add --tls-fingerprint {fingerprint} to the command.",
  "error.certificate-changed":
    "WARNING! THE CERTIFICATE OF {server} HAS CHANGED: THE SERVER MAY BE AN IMPOSTOR. If its operator confirms the change, leave and run {client} --forget {server}",
  "error.certificate-other":
    "WARNING! THE CERTIFICATE OF {server} IS NOT THE ONE ANNOUNCED: THE SERVER MAY BE AN IMPOSTOR. Tell its operator.",
} as const satisfies Record<keyof typeof SPANISH_ERRORS, string>;
