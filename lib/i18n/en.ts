// Every sentence in English, in the order of es.ts. Placeholders are in braces.

export const ENGLISH = {
  "ask.port": "Port",
  "ask.interface": "Interface",
  "ask.choice": "Choose",
  "ask.server": "Server (IP or name)",
  "ask.new-server": "New server (IP or name)",
  "ask.nick": "Nick",
  "interface.all": "all ({address})",

  "server.cluster": "Room {room}, kept in NATS ({servers}), copies: {replicas}.",
  "server.unadvertised":
    "The other servers of the room cannot announce this one to their clients: give the address that these reach with --advertise.",
  "server.nats-snapshot-too-large":
    "There are more people in the room than fit into a message of NATS: write max_payload: {megabytes}MB into its configuration and start it again. Until then NATS forgets nothing of the room, and takes more and more of the disk.",
  "server.nats-snapshot-too-large-limited":
    "There are more people in the room than fit into a message of NATS: write max_payload: {megabytes}MB into its configuration and start it again, soon. It could not be told to forget nothing of the room until then: whoever runs NATS can raise max_bytes, max_age and max_msgs of its stream, or a server that starts later will not find all of the room.",
  "server.nats-starting": 'NATS is starting, or slow to answer: waiting up to 30 s. Type "quit" to end.',
  "server.nats-unavailable": "NATS does not answer: what is said waits",
  "server.nats-available": "NATS answers again: what waited has arrived",
  "server.listening": 'Listening on {address}. Type "quit" to end.',
  "server.closing": "Closing the server: everyone who is connected is being told.",
  "server.closed": "Server closed.",
  "server.rejected": "The connection of {who} was closed: {why}",
  "server.fault":
    "This program failed while it served {who}: {fault}. Their connection was closed; the others go on. Send this line to whoever gave you the program.",
  "server.rejected-more": "Closed connections that were not shown: {count}.",
  "output.skipped": "Missing lines here: up to {count}. They could not be written in time.",
  "output.restored": "The output can be written again. Lines missing from it: up to {count}.",
  "error.output-failed": "Cannot write the output: {reason}. Check the disk; until then lines are left out.",
  "server.commands":
    'Commands are typed here, which begin with "/": "/say" speaks to everybody, "/help" lists them all.',
  "server.nick-unknown": 'Nobody here has the nick "{nick}".',
  "server.banned": "Nobody is let in from {address}. Minutes: {minutes}. Thrown out: {count}.",
  "server.unbanned": "Whoever comes from {address} is let in again.",
  "server.stats":
    "Clients: {clients}. Messages per second: {rate}. Memory: {megabytes} MB. Up since: {since}.",
  "server.stats-stored": "On disk: {megabytes} MB.",
  "server.stored-in": "The room is kept in {path}.",
  "server.restored": "It goes on with what there was: {count} entries.",
  "server.stall-resolved": "What is said can be stored again.",

  "client.welcome": 'Connected to {server}. Online: {names}. Type "quit" to end.',
  "client.more-members": "{names} and {count} more",
  "client.connection-lost": "The connection to {server} was lost: {why}",
  "client.not-joined": "Could not enter {server}: {why}.",
  "client.truncated": "Missing lines: {count}. The server no longer keeps them.",
  "client.stalled": "The server can keep nothing for now: what is said waits, and will arrive.",
  "client.stall-resolved": "The server can keep things again: what waited arrives.",
  "client.retry": "{why} Attempts go on.",
  "client.returning": "{server} answers and still has the room: going back to it.",
  "client.restarted": "{server} answers again, but was restarted: it may have lost what was said.",
  "client.join-wait": "{server} was joined too often from here. Trying it again in {seconds} s.",
  "client.waiting": "Unconfirmed messages: {count}. Waiting before reading more.",
  "client.unacked": "Unconfirmed messages: {count}. They will be sent to the next server.",
  "client.more-unacked": "… and {count} more unconfirmed",
  "client.undelivered": "Messages unconfirmed on leaving: {count}. They may not have arrived.",
  "client.nick-unknown": 'Nobody online has the nick "{nick}".',
  "client.nick-suggestion": 'Nobody online has the nick "{nick}". Did you mean {suggestion}?',
  "client.nick-later": "Nick {nick} will be used on the next connection.",
  "client.nick-same": "You have the nick {nick} already.",
  "client.nick-unchanged": "The nick was not changed: {why}.",
  "client.no-reason": "no reason given",
  "link.offline": "offline",
  "link.lagging": "the server does not answer",
  "link.unacked": "{count} unconfirmed",
  "client.paste-not-sent":
    "Pasted lines that were not sent: {count}. The Up key brings them back, one by one.",
  "client.ask-paste": "You have pasted {count} lines. Send them? (y/n) [n]:",
  "client.yes": "y yes s sí si",

  "room.joined": "{nick} ({address}) has connected",
  "room.rejoined": "{nick} ({address}) has reconnected",
  "room.left": "{nick} ({address}) has disconnected",
  "room.connection-lost": "{nick} ({address}) has lost the connection",
  "room.kicked": "{nick} ({address}) was thrown out",
  "room.renamed": "{oldNick} is now called {nick}",
  "room.announced": "The server says: {text}",
  "room.backups": "Backup servers: {backups}",
  "room.no-backups": "There are no backups any more",
  "room.many-joined": "{count} have connected: {names}",
  "room.many-rejoined": "{count} have reconnected: {names}",
  "room.many-left": "{count} have disconnected: {names}",
  "room.many-connection-lost": "{count} have lost the connection: {names}",

  "command.list": "Commands:",
  "who.online": "Online: {count}.",
  "who.line": "{nick} ({address}), since {since}",
  "who.stale": "Offline since {since}. Who was online then:",
  "who.unknown": "Offline: who is online is not known yet.",

  "error.port-invalid": 'Port "{port}" cannot be used: it must be a number from 1 to 65535.',
  "error.address-invalid": '"{address}" is no address: type an IP or a name, with or without ":port".',
  "error.ip-invalid": '"{ip}" is no IP address.',
  "error.minutes-invalid": '"{minutes}" cannot be used: the minutes are a number from 0 to {max}.',
  "error.backup-is-self": "{server} is this very server: name another one as its backup.",
  "error.backup-unknown": "{server} is no backup: it cannot be withdrawn.",
  "error.backup-serves": "{server} serves this room too, and is a backup for as long as it runs: end it.",
  "error.backups-full": "There are {max} backup servers already: no more fit.",
  "error.pattern-invalid":
    'Times cannot be shown as "{pattern}": use yyyy, MM, dd, HH, mm or ss, and letters between single quotes.',
  "error.choice-invalid": "Choose a number from 1 to {max}.",
  "error.nick-invalid":
    'Nick "{nick}" cannot be used: 1 to {max} letters, digits, "_" or "-", without spaces.',
  "error.nick-mixed": 'Nick "{nick}" cannot be used: it mixes letters of several scripts.',
  "error.text-too-long": "The message has {length} characters and the limit is {max}: it was not sent.",
  "error.command-unknown": 'There is no command "{command}". Type /help to list them.',
  "error.command-mistyped":
    'There is no command "{command}". Did you mean {suggestion}? Type /help to list them.',
  "error.args-missing": "Something is missing: {usage}",
  "error.args-extra": "Nothing may follow {usage}: nothing was done.",
  "error.flag-unknown": 'There is no option "{flag}". Try --help.',
  "error.flag-mistyped": 'There is no option "{flag}". Did you mean {suggestion}? Try --help.',
  "error.flag-value-missing": 'Option "{flag}" needs a value. Try --help.',
  "error.flag-value-invalid": 'Option "{flag}" does not take "{value}". Try --help.',
  "error.argument-unexpected": 'Cannot make sense of "{argument}". Try --help.',
  "error.input-ended":
    'The input ended without an answer to "{question}": give the answer by an option. Try --help.',

  "error.name-unknown": 'Cannot find "{host}": check the name, or type the IP.',
  "error.refused":
    "Nothing is listening on {server}: check the address and the port, and that the server is running.",
  "error.unreachable": "Cannot reach {server}: check the address and the network ({reason}).",
  "error.network-away":
    "This machine is on no network that leads to {server}: check the cable or the Wi-Fi, and the address.",
  "error.no-answer":
    "{server} did not answer within {seconds} s: check the address, the network and the firewall, and that no other program is there.",
  "error.not-a-chat-server":
    "What is at {server} is not a server of this chat: check the address and the port.",

  "error.nats-unreachable": "Could not speak to NATS at {servers}: {reason}.",
  "error.nats-refused":
    "NATS at {servers} does not take these credentials: check --nats-creds, or user and password.",
  "error.nats-forbidden": "NATS at {servers} does not let this user do what is needed: {reason}.",
  "error.nats-tls":
    "Could not speak TLS to NATS at {servers}: {reason}. If its certificate is from an authority of your own, give that with --nats-ca.",
  "error.nats-no-jetstream": "NATS at {servers} has no JetStream: start it with nats-server -js -sd FOLDER.",
  "error.nats-full":
    "NATS at {servers} has no space for the room: give it more of the disk, or delete what is not needed.",
  "error.nats-other-stream":
    "NATS has a stream {stream} already that is none of a room: choose another name with --room.",
  "error.nats-stream-gone": "Somebody has deleted the room in NATS: this server cannot go on with it.",
  "error.nats-log-back":
    "NATS has lost what was said last: start this server again, and clients will send it once more.",
  "error.nats-unread":
    "NATS does not hand out what it says it keeps of the room: try again, and if that does not help start NATS again.",
  "error.nats-newer": "Another server of the room is of a newer version: update this one.",
  "error.nats-log-cut":
    "A part of what was said is missing in NATS: this server cannot go on. Start it again.",

  "error.port-in-use": "Port {port} is already in use on {host}: choose another.",
  "error.port-privileged": "Port {port} is reserved for the administrator: choose one from 1024.",
  "error.address-not-local": "{host} is not an address of this machine.",
  "error.accept-failed": "Cannot accept more connections: {reason}.",
  "error.listen-failed": "Cannot listen on {host}, port {port}: {reason}.",

  "error.closing": "the server has closed",
  "error.closed": "the server cut the connection",
  "error.broken": "the connection broke",
  "error.silent": "the server stopped responding",
  "error.garbled": "the server sent something that makes no sense",

  "wire.frame-too-long": "a frame was too long",
  "wire.frame-malformed": "a frame was malformed",
  "wire.frame-unknown": "a frame was of an unknown type",
  "wire.frame-unexpected": "a frame was out of place",
  "wire.version-unsupported": "it speaks another version of the protocol: update the program",
  "wire.frame-late": "a frame took too long to arrive",
  "wire.counter-backwards": "messages came out of order",
  "wire.store-away": "the server can keep nothing for now: try again in a moment",
  "wire.room-full": "the room is full: try again later",
  "wire.address-crowded":
    "there are too many connections from the same address or network (limit: --max-per-address)",
  "wire.entering-too-often": "somebody has come in too often from the same address: wait a minute",
  "wire.hello-late": "there was no introduction in time",
  "wire.nick-invalid": 'nick "{nick}" is not allowed',
  "wire.nick-mixed": 'nick "{nick}" mixes letters of several scripts',
  "wire.nick-taken": 'nick "{nick}" is already in use',
  "wire.nick-lookalike": 'nick "{nick}" looks like one that is in use',
  "wire.text-invalid": "a message was not allowed",
  "wire.replaced": "the same session connected from elsewhere",
  "wire.kicked": "whoever runs the server threw this client out: {reason}",
  "wire.banned": "whoever runs the server lets nobody in from this address for now",
  "wire.too-slow": "what the room said was not read in time",
  "wire.silent": "there was no sign of life",
  "error.unknown": "{reason} ({code})",

  "usage.server":
    "Usage: chat-server [options]\n\nServes a chat room. Anything not given as an option is asked for.",
  "usage.client":
    "Usage: chat-client [options]\n\nEnters a chat room. Anything not given as an option is asked for.",
  "usage.options": "Options:",
  "value.HOST": "HOST",
  "value.HOST:N": "HOST:N",
  "value.IP": "IP",
  "value.N": "N",
  "value.S": "S",
  "value.NICK": "NICK",
  "value.FILE": "FILE",
  "value.DIR": "DIR",
  "value.PATTERN": "PATTERN",
  "value.NAME": "NAME",
  "value.URL": "URL",
  "value.SHA256:...": "SHA256:...",
  "flag.server-port": "port to listen on (5000 if you accept what is offered)",
  "flag.server-host": "address of this machine to listen on; 0.0.0.0 for all",
  "flag.server-backup": "server that clients go to when this one falls; may be repeated",
  "flag.grace": "seconds to wait before telling that somebody lost the connection (3)",
  "flag.burst": "messages that each client may send at once (20)",
  "flag.rate": "messages a second of each client after that, 0 for no limit (5)",
  "flag.max-clients": "most connections (1024)",
  "flag.max-per-address": "most connections from one address other than this machine (16)",
  "flag.data": "file in which the room is kept: it goes on there when the server starts again",
  "flag.data-sync":
    "what the file outlasts: full, a power cut; normal, faster, the end of the program (full)",
  "flag.keep": "entries of the room that are kept in the file (100000)",
  "flag.keep-days": "days after which they are forgotten (30)",
  "flag.client-host": "IP or name of the server, or HOST:N",
  "flag.client-port": "port of the server",
  "flag.nick": "name that the others will see",
  "flag.client-backup": "server to go to when the first falls; may be repeated",
  "flag.auto": "when the server falls, try the known ones in turn without asking",
  "flag.history": "earlier messages to show on entering (50; 0 for none)",
  "flag.time": 'how times are shown, e.g. "dd/MM HH:mm" (yyyy-MM-dd HH:mm:ss)',
  "flag.utc": "show times in UTC",
  "flag.no-color": "use no colours",
  "flag.fast": "without pauses and panes",
  "flag.lang": "language: es or en",
  "flag.help": "show this help",
  "flag.plain": "nothing but lines, amid what you type as well: for screen readers and slow links",
  "flag.version": "show the version",
  "flag.completions": "show the script by which bash or zsh completes these options",

  "distribution.source": "from source",
  "distribution.compiled": "compiled",
  "distribution.self-extracting": "self-extracting",

  "ask.password": "Password",
  "ask.trust": "Trust it? (yes/no)",
  "ask.forget": "Forget its certificate and connect unencrypted? (y/n)",
  "client.forgotten": "Forgot the certificate of {server}: next time it counts as a new server.",
  "client.unknown-certificate":
    "The certificate of {server} is new to this machine. Compare its fingerprint with the one that the server shows when it starts:",
  "client.fingerprint-expected": "Fingerprint expected: {known}",
  "client.fingerprint-now": "Fingerprint shown: {fingerprint}",
  "client.not-remembered": "{server} is trusted only until you leave.",
  "client.no-password": "The password cannot be asked for here: use --password-file with a file that has it.",
  "client.no": "n no",
  "server.password-open":
    "Other users of this machine can read the password: take the permission from them with chmod 600 '{path}'",
  "server.fingerprint": "Fingerprint of the certificate: {fingerprint}",
  "server.certificate-early":
    "The certificate in {path} is not valid before {date}, and clients refuse it until then: check the clock of this machine.",
  "server.certificate-ends":
    "The certificate in {path} ends on {date}. Those who know it will have to trust the next one, which --tls-auto makes if that file is deleted.",

  "error.password-empty": "The password is empty: write it on the first line.",
  "error.password-too-long": "The password is too long: the limit is {max} bytes.",
  "error.file-unreadable": "Cannot read {path}: {reason}.",
  "error.file-not-text": "{path} is not text in UTF-8: save it as UTF-8, and certificates as PEM.",
  "error.file-unwritable": "Cannot write {path}: {reason}.",
  "error.nats-url-invalid": "{url} is no address of NATS: write nats://10.0.0.7:4222, for example.",
  "error.nats-creds-invalid": "{path} has no credentials for NATS.",
  "error.room-invalid": "{room} cannot be the name of a room: 1 to 32 English letters, digits, _ or -.",
  "error.fingerprint-invalid":
    '"{fingerprint}" is no fingerprint: it is "SHA256:" and 43 characters, as the server shows it when it starts.',
  "error.certificate-invalid":
    "There is no valid certificate in {path}, or its key is another: they must be in PEM.",
  "error.certificate-unusable":
    "TLS cannot use the certificate in {path} or its key ({reason}): make one with a key for RSA or P-256.",
  "error.answer-is-talk":
    'There is no connection: "{text}" stays in your chat line, unsent. What is asked for here is a server: an IP, or NAME:PORT.',
  "error.answer-unclear": "Answer yes or no.",
  "error.flag-alone": 'Option "{flag}" needs "{other}" as well. Try --help.',
  "error.flags-contrary": 'Options "{flag}" and "{other}" do not go together. Try --help.',
  "error.no-folder": "There is no place known to keep the certificate: use --tls-dir.",
  "error.tls-lacking":
    "TLS needs Deno 2.8 or later, and this program runs on {runtime}. If you run it from source, upgrade Deno; a file has to be made again with a later Deno (--version tells which one it carries).",

  "reason.is-folder": "it is a folder",
  "reason.missing": "it does not exist",
  "reason.no-permission": "permission is lacking",
  "reason.read-only": "the disk is read-only",
  "reason.no-space": "the disk is full",
  "reason.disk-broken": "the disk fails, or the quota is used up",
  "reason.too-many-open": "too many files and connections are open",
  "reason.nobody-listens": "nobody listens there",
  "reason.name-unknown": "that name is not found",
  "reason.no-answer": "there is no answer",
  "reason.certificate-stranger": "who vouches for its certificate is not known",
  "reason.folder-missing": "its folder does not exist",
  "reason.folder-closed": "nothing can be written in its folder",
  "reason.no-tls": "it does not speak TLS",
  "reason.not-nats": "another program listens there, not NATS",

  "error.data-busy": "Another server is using {path}: end it, or name another file.",
  "error.data-newer":
    "{path} was written by a later version of this program (format {version}): use that one. The file was left as it was.",
  "error.data-damaged":
    "{path} is damaged, or no room of this program. It was left as it was: put a copy in its place, or name another file.",
  "error.data-unusable": "Cannot use {path}: {reason}.",
  "error.disk-full":
    "The disk is full: nothing more that is said can be stored, and it waits. Make room on it; then the room goes on by itself.",
  "error.disk-full-at-start":
    "The disk is full: the room in {path} cannot be opened. Free at least {megabytes} MB, then start again.",
  "error.data-gone":
    "{path} was deleted or moved: what was said since may be lost, and nothing more can be stored. If it was moved, move it back; otherwise start the server again.",
  "error.disk-failed":
    "Nothing that is said can be stored ({reason}), and it waits. It is tried again every second.",

  "error.not-tls":
    "What is at {server} does not speak TLS, and this client no longer speaks without. If you trust it unencrypted, connect without --tls.",
  "error.tls-gone":
    "{server} spoke TLS and now speaks plain text: it may be an impostor. It is remembered in {path}, line {line}. If its operator confirms the change, forget it: chat-client --forget {server}",
  "error.server-not-known":
    "No certificate of {server} is remembered: give the address and port that you connected to.",
  "error.config-line": "{path}, line {line}: {why}",
  "error.tls-failed": "Could not speak TLS with {server}: {reason}.",
  "error.certificate-refused": "The certificate of {server} cannot be used: {reason}.",
  "error.certificate-unfit":
    "The certificate of {server} cannot be remembered: an authority signs it. Use --ca with the certificate of that authority.",
  "error.certificate-early":
    "The certificate of {server} is not valid yet by the clock of this machine, which shows {now}: if that is wrong, set the clock.",
  "error.certificate-expired":
    "The certificate of {server} has ended by the clock of this machine, which shows {now}. If that is right, whoever runs the server must make another.",
  "error.certificate-unknown":
    "The certificate of {server} is not known. If its fingerprint is the one that the server shows when it starts, add --tls-fingerprint {fingerprint}.",
  "error.certificate-changed":
    "BEWARE! {server} DOES NOT SHOW THE CERTIFICATE THAT WAS KNOWN: SOMEBODY MAY BE POSING AS IT. If whoever runs the server confirms the change, delete the line of {server} in {path}.",
  "error.certificate-other":
    "BEWARE! {server} DOES NOT SHOW THE CERTIFICATE THAT WAS ANNOUNCED: SOMEBODY MAY BE POSING AS IT.",

  "wire.password-needed": "it asks for a password",
  "wire.password-wrong": "the password is not right",
  "wire.tls-needed": "it speaks TLS only (option --tls)",
  "wire.tls-unexpected": "it wanted to speak TLS with a server that does not",

  "flag.server-password": "file whose first line is the password of the room",
  "flag.client-password": "file whose first line is the password, if the server asks for one",
  "flag.tls-cert": "certificate in PEM with which to speak TLS",
  "flag.tls-key": "key of the certificate in PEM",
  "flag.nats": "NATS servers that keep the room, with commas: nats://HOST:4222,...; tls:// to encrypt",
  "flag.room": "name of the room in NATS: all servers that give it serve the same one",
  "flag.nats-creds": "credentials for NATS: a .creds file, or user:password in its first line",
  "flag.nats-ca": "speak TLS to NATS and trust these authorities (PEM)",
  "flag.advertise": "address of this server that is announced to clients of the others",
  "flag.tls-auto": "speak TLS with a certificate of its own, made the first time",
  "flag.tls-dir": "folder in which its own certificate is kept",
  "flag.forget": "forget the certificate of a server, and end",
  "flag.no-remember": "neither offer the server and nick of the last time nor remember these",
  "flag.config": "file of options, one a line, instead of the usual one; the command line overrides it",
  "flag.tls": "speak TLS only; you are asked about new certificates",
  "flag.ca": "authorities in PEM that vouch for the servers, instead of asking",
  "flag.tls-fingerprint": "fingerprint of a certificate to trust; may be repeated",
} as const;
