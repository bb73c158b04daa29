// Every sentence that a person sees, in Spanish and English. Knows nothing of when one is shown.

import { ChatError, type ErrorDetails, ProtocolError, RefusedError } from "./errors.ts";

const SPANISH = {
  // Questions
  "ask.port": "Puerto",
  "ask.interface": "Interfaz",
  "ask.choice": "Elija",
  "ask.server": "Servidor (IP o nombre)",
  "ask.new-server": "Nuevo servidor (IP o nombre)",
  "ask.nick": "Nick",
  "interface.all": "todas ({address})",

  // The server's own
  "server.listening": 'Escuchando en {address}. Escriba "salir" para terminar.',
  "server.closing": "Cerrando el servidor: se avisa a quienes están conectados.",
  "server.closed": "Servidor cerrado.",
  "server.refused": "Se cerró la conexión de {who}: {why}",
  "server.skipped": "Líneas que faltan aquí: {count}. La pantalla no siguió el ritmo de la sala.",
  "server.commands":
    'Aquí se escriben órdenes, que empiezan con "/": "/say" dice algo a todos, "/help" las enseña todas.',
  "server.nick-unknown": 'No hay nadie con el nick "{nick}".',
  "server.banned": "No se admite a nadie desde {address}. Minutos: {minutes}. Expulsados: {count}.",
  "server.unbanned": "Se admite de nuevo a quien venga desde {address}.",
  "server.stats":
    "Clientes: {clients}. Mensajes por segundo: {rate}. Memoria: {megabytes} MB. En marcha desde: {since}.",

  // The client's own
  "client.welcome": 'Conectado a {server}. En línea: {names}. Escriba "salir" para terminar.',
  "client.more-online": "{names} y {count} más",
  "client.lost": "Se perdió la conexión con {server}: {why}",
  "client.not-in": "No se pudo entrar en {server}: {why}.",
  "client.missing": "Líneas que faltan: {count}. El servidor ya no las guarda.",
  "client.retry": "Se probará {server} dentro de {seconds} s.",
  "client.waiting": "Mensajes sin confirmar: {count}. Se espera antes de leer más.",
  "client.pending": "Mensajes sin confirmar: {count}. Se enviarán al próximo servidor.",
  "client.more-pending": "… y {count} más sin confirmar",
  "client.undelivered": "Mensajes sin confirmar al salir: {count}.",
  "client.nick-unknown": 'No hay nadie en línea con el nick "{nick}".',
  "client.nick-nearest": 'No hay nadie en línea con el nick "{nick}". ¿Quiso decir {nearest}?',
  "client.nick-same": "Ya tiene el nick {nick}.",
  "client.nick-kept": "No se ha cambiado de nick: {why}.",
  "client.no-reason": "sin decir por qué",
  "client.nick-later": "Se usará el nick {nick} en la próxima conexión.",
  "link.down": "sin conexión",
  "link.slow": "el servidor no contesta",
  "client.ask-paste": "Se han pegado {count} líneas. ¿Enviarlas? (s/n) [n]:",
  "client.yes": "s sí si",

  // What happens in the room
  "room.joined": "{nick} ({address}) se ha conectado",
  "room.back": "{nick} ({address}) se ha reconectado",
  "room.left": "{nick} ({address}) se ha desconectado",
  "room.lost": "{nick} ({address}) ha perdido la conexión",
  "room.kicked": "Se ha expulsado a {nick} ({address})",
  "room.renamed": "{before} se llama ahora {nick}",
  "room.announced": "El servidor dice: {text}",
  "room.backups": "Servidores de reserva: {backups}",
  "room.many-joined": "{count} se han conectado: {names}",
  "room.many-back": "{count} se han reconectado: {names}",
  "room.many-left": "{count} se han desconectado: {names}",
  "room.many-lost": "{count} han perdido la conexión: {names}",

  // Commands
  "command.quit": "terminar",
  "command.help": "mostrar esta ayuda",
  "command.who": "mostrar quién está en línea, desde dónde y desde cuándo",
  "command.msg": "hablar en privado (la consola del servidor lo ve); no queda en el historial",
  "command.msg-parameters": "NICK TEXTO",
  "command.nick": "cambiar de nick",
  "command.nick-parameters": "NUEVO",
  "command.me": "contar lo que hace, no lo que dice",
  "command.text-parameters": "TEXTO",
  "command.clear": "borrar la pantalla",
  "command.unknown": 'No existe la orden "{command}". Escriba /help para ver las que hay.',
  "command.mistyped":
    'No existe la orden "{command}". ¿Quiso decir {nearest}? Escriba /help para ver las que hay.',
  "command.incomplete": "Falta algo: {usage}",
  "command.escape": "enviar un texto que empieza con /",
  "who.line": "{nick} ({address}), desde {since}",
  "who.nobody": "No hay nadie en línea.",
  "order.kick": "expulsar a alguien, que leerá el motivo",
  "order.kick-parameters": "NICK MOTIVO",
  "order.ban": "no admitir una dirección durante unos minutos; 0 la admite de nuevo",
  "order.ban-parameters": "IP MINUTOS",
  "order.say": "decir algo a todos, como servidor",
  "order.backup": "anunciar a todos otro servidor de reserva",
  "order.backup-parameters": "HOST:PUERTO",
  "order.stats": "mostrar clientes, mensajes por segundo, memoria y desde cuándo está en marcha",

  // What a person gave cannot be used
  "error.port-invalid": 'El puerto "{port}" no vale: debe ser un número de 1 a 65535.',
  "error.address-invalid":
    '"{address}" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".',
  "error.ip-invalid": '"{ip}" no es una dirección IP.',
  "error.minutes-invalid": '"{minutes}" no vale: los minutos son un número de 0 a {max}.',
  "error.backups-full": "Ya hay {max} servidores de reserva: no cabe otro.",
  "error.pattern-invalid":
    'Las horas no se pueden mostrar como "{pattern}": use yyyy, MM, dd, HH, mm o ss, y letras entre comillas simples.',
  "error.choice-invalid": "Elija un número de 1 a {max}.",
  "error.nick-invalid": 'El nick "{nick}" no vale: de 1 a {max} letras, cifras, "_" o "-", sin espacios.',
  "error.text-too-long": "El mensaje tiene {length} caracteres y el límite es {max}: no se ha enviado.",
  "error.flag-unknown": 'No existe la opción "{flag}". Pruebe con --help.',
  "error.flag-value-missing": 'A la opción "{flag}" le falta su valor. Pruebe con --help.',
  "error.flag-value-invalid": 'La opción "{flag}" no admite "{value}". Pruebe con --help.',
  "error.argument-unexpected": 'Sobra "{argument}". Pruebe con --help.',
  "error.input-ended": 'La entrada terminó sin responder "{question}".',

  // No chat at an address
  "error.name-unknown": 'No se encuentra "{host}": revise el nombre o escriba la IP.',
  "error.refused":
    "Nadie escucha en {server}: revise la dirección y el puerto, y que el servidor esté en marcha.",
  "error.unreachable": "No se puede llegar a {server}: revise la dirección y la red ({reason}).",
  "error.no-answer": "{server} no respondió en {seconds} s: revise la dirección, la red y el cortafuegos.",
  "error.not-a-chat-server":
    "Lo que hay en {server} no es un servidor de este chat: revise la dirección y el puerto.",

  // No listening at an address
  "error.port-in-use": "El puerto {port} ya está en uso en {host}: elija otro.",
  "error.port-privileged": "El puerto {port} está reservado al administrador: elija uno desde 1024.",
  "error.address-not-local": "{host} no es una dirección de esta máquina.",
  "error.accept-failed": "No se pueden aceptar más conexiones: {reason}.",
  "error.listen-failed": "No se puede escuchar en {host}, puerto {port}: {reason}.",

  // Why a connection ended
  "error.closing": "el servidor se ha cerrado",
  "error.closed": "el servidor cortó la conexión",
  "error.broken": "se cortó la conexión",
  "error.silent": "el servidor dejó de responder",
  "error.garbled": "el servidor envió algo que no se entiende",

  // What one side tells the other in ERROR: the end of a sentence
  "wire.frame-too-long": "se recibió una trama demasiado larga",
  "wire.frame-malformed": "se recibió una trama mal formada",
  "wire.frame-unknown": "se recibió una trama de tipo desconocido",
  "wire.frame-unexpected": "se recibió una trama fuera de lugar",
  "wire.version-unsupported": "habla otra versión del protocolo: actualice el programa",
  "wire.hello-late": "no se identificó a tiempo",
  "wire.nick-invalid": 'el nick "{nick}" no está permitido',
  "wire.nick-taken": 'el nick "{nick}" ya está en uso',
  "wire.text-invalid": "se recibió un mensaje que no está permitido",
  "wire.replaced": "la misma sesión se conectó desde otro lugar",
  "wire.kicked": "quien lleva el servidor ha expulsado a este cliente: {reason}",
  "wire.banned": "quien lleva el servidor no admite por ahora a nadie desde esta dirección",
  "wire.too-slow": "no se leyó a tiempo lo que decía la sala",
  "wire.silent": "no se recibió señal de vida",
  "error.unknown": "{reason} ({code})",

  // Help
  "usage.server":
    "Uso: chat-server [opciones]\n\nSirve una sala de chat. Lo que no se dé con opciones se pregunta.",
  "usage.client":
    "Uso: chat-client [opciones]\n\nEntra en una sala de chat. Lo que no se dé con opciones se pregunta.",
  "usage.options": "Opciones:",
  "flag.server-port": "puerto en el que se escucha (5000 si se acepta lo ofrecido)",
  "flag.server-host": "dirección de esta máquina en la que se escucha; 0.0.0.0 para todas",
  "flag.server-backup": "servidor al que irán los clientes si este cae; se puede repetir",
  "flag.grace": "segundos que se espera antes de anunciar que alguien perdió la conexión (3)",
  "flag.client-host": "IP o nombre del servidor, o HOST:N",
  "flag.client-port": "puerto del servidor",
  "flag.nick": "nombre con el que le verán los demás",
  "flag.client-backup": "servidor al que ir si el primero cae; se puede repetir",
  "flag.auto": "al caer el servidor, probar los conocidos por turno sin preguntar",
  "flag.history": "mensajes anteriores que se muestran al entrar (50; 0 para ninguno)",
  "flag.time": 'cómo se muestran las horas, p. ej. "dd/MM HH:mm" (yyyy-MM-dd HH:mm:ss)',
  "flag.utc": "mostrar las horas en UTC",
  "flag.no-color": "no usar colores",
  "flag.lang": "idioma: es o en",
  "flag.help": "mostrar esta ayuda",
  "flag.plain": "nada más que líneas: para lectores de pantalla y conexiones lentas",
  "flag.version": "mostrar la versión",
  "flag.completions": "mostrar el guion con el que bash o zsh completan estas opciones",

  // What --version says of the file
  "edition.source": "desde el código fuente",
  "edition.compiled": "compilado",
  "edition.self-extracting": "autoextraíble",
} as const;

const ENGLISH: Record<SentenceKey, string> = {
  "ask.port": "Port",
  "ask.interface": "Interface",
  "ask.choice": "Choose",
  "ask.server": "Server (IP or name)",
  "ask.new-server": "New server (IP or name)",
  "ask.nick": "Nick",
  "interface.all": "all ({address})",

  "server.listening": 'Listening on {address}. Type "quit" to end.',
  "server.closing": "Closing the server: everyone who is connected is being told.",
  "server.closed": "Server closed.",
  "server.refused": "The connection of {who} was closed: {why}",
  "server.skipped": "Missing lines here: {count}. The screen could not keep up with the room.",
  "server.commands":
    'Commands are typed here, which begin with "/": "/say" speaks to everybody, "/help" lists them all.',
  "server.nick-unknown": 'Nobody here has the nick "{nick}".',
  "server.banned": "Nobody is let in from {address}. Minutes: {minutes}. Thrown out: {count}.",
  "server.unbanned": "Whoever comes from {address} is let in again.",
  "server.stats":
    "Clients: {clients}. Messages per second: {rate}. Memory: {megabytes} MB. Up since: {since}.",

  "client.welcome": 'Connected to {server}. Online: {names}. Type "quit" to end.',
  "client.more-online": "{names} and {count} more",
  "client.lost": "The connection to {server} was lost: {why}",
  "client.not-in": "Could not enter {server}: {why}.",
  "client.missing": "Missing lines: {count}. The server no longer keeps them.",
  "client.retry": "Trying {server} in {seconds} s.",
  "client.waiting": "Unconfirmed messages: {count}. Waiting before reading more.",
  "client.pending": "Unconfirmed messages: {count}. They will be sent to the next server.",
  "client.more-pending": "… and {count} more unconfirmed",
  "client.undelivered": "Messages unconfirmed on leaving: {count}.",
  "client.nick-unknown": 'Nobody online has the nick "{nick}".',
  "client.nick-nearest": 'Nobody online has the nick "{nick}". Did you mean {nearest}?',
  "client.nick-same": "You have the nick {nick} already.",
  "client.nick-kept": "The nick was not changed: {why}.",
  "client.no-reason": "no reason given",
  "client.nick-later": "Nick {nick} will be used on the next connection.",
  "link.down": "offline",
  "link.slow": "the server does not answer",
  "client.ask-paste": "You have pasted {count} lines. Send them? (y/n) [n]:",
  "client.yes": "y yes",

  "room.joined": "{nick} ({address}) has connected",
  "room.back": "{nick} ({address}) has reconnected",
  "room.left": "{nick} ({address}) has disconnected",
  "room.lost": "{nick} ({address}) has lost the connection",
  "room.kicked": "{nick} ({address}) was thrown out",
  "room.renamed": "{before} is now called {nick}",
  "room.announced": "The server says: {text}",
  "room.backups": "Backup servers: {backups}",
  "room.many-joined": "{count} have connected: {names}",
  "room.many-back": "{count} have reconnected: {names}",
  "room.many-left": "{count} have disconnected: {names}",
  "room.many-lost": "{count} have lost the connection: {names}",

  "command.quit": "end",
  "command.help": "show this help",
  "command.who": "show who is online, from where and since when",
  "command.msg": "tell one person alone (the server's console sees it); no history keeps it",
  "command.msg-parameters": "NICK TEXT",
  "command.nick": "take another nick",
  "command.nick-parameters": "NEW",
  "command.me": "tell what you do, not what you say",
  "command.text-parameters": "TEXT",
  "command.clear": "clear the screen",
  "command.unknown": 'There is no command "{command}". Type /help to list them.',
  "command.mistyped": 'There is no command "{command}". Did you mean {nearest}? Type /help to list them.',
  "command.incomplete": "Something is missing: {usage}",
  "command.escape": "send a text that begins with /",
  "who.line": "{nick} ({address}), since {since}",
  "who.nobody": "Nobody is online.",
  "order.kick": "throw somebody out, who will read the reason",
  "order.kick-parameters": "NICK REASON",
  "order.ban": "let nobody in from an address for some minutes; 0 lets them in again",
  "order.ban-parameters": "IP MINUTES",
  "order.say": "say something to everybody, as the server",
  "order.backup": "tell everybody of another backup server",
  "order.backup-parameters": "HOST:PORT",
  "order.stats": "show clients, messages per second, memory and since when it is up",

  "error.port-invalid": 'Port "{port}" cannot be used: it must be a number from 1 to 65535.',
  "error.address-invalid": '"{address}" is no address: type an IP or a name, with or without ":port".',
  "error.ip-invalid": '"{ip}" is no IP address.',
  "error.minutes-invalid": '"{minutes}" cannot be used: the minutes are a number from 0 to {max}.',
  "error.backups-full": "There are {max} backup servers already: no more fit.",
  "error.pattern-invalid":
    'Times cannot be shown as "{pattern}": use yyyy, MM, dd, HH, mm or ss, and letters between single quotes.',
  "error.choice-invalid": "Choose a number from 1 to {max}.",
  "error.nick-invalid":
    'Nick "{nick}" cannot be used: 1 to {max} letters, digits, "_" or "-", without spaces.',
  "error.text-too-long": "The message has {length} characters and the limit is {max}: it was not sent.",
  "error.flag-unknown": 'There is no option "{flag}". Try --help.',
  "error.flag-value-missing": 'Option "{flag}" needs a value. Try --help.',
  "error.flag-value-invalid": 'Option "{flag}" does not take "{value}". Try --help.',
  "error.argument-unexpected": 'Cannot make sense of "{argument}". Try --help.',
  "error.input-ended": 'The input ended without an answer to "{question}".',

  "error.name-unknown": 'Cannot find "{host}": check the name, or type the IP.',
  "error.refused":
    "Nothing is listening on {server}: check the address and the port, and that the server is running.",
  "error.unreachable": "Cannot reach {server}: check the address and the network ({reason}).",
  "error.no-answer":
    "{server} did not answer within {seconds} s: check the address, the network and the firewall.",
  "error.not-a-chat-server":
    "What is at {server} is not a server of this chat: check the address and the port.",

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
  "wire.hello-late": "there was no introduction in time",
  "wire.nick-invalid": 'nick "{nick}" is not allowed',
  "wire.nick-taken": 'nick "{nick}" is already in use',
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
  "flag.server-port": "port to listen on (5000 if you accept what is offered)",
  "flag.server-host": "address of this machine to listen on; 0.0.0.0 for all",
  "flag.server-backup": "server that clients go to when this one falls; may be repeated",
  "flag.grace": "seconds to wait before telling that somebody lost the connection (3)",
  "flag.client-host": "IP or name of the server, or HOST:N",
  "flag.client-port": "port of the server",
  "flag.nick": "name that the others will see",
  "flag.client-backup": "server to go to when the first falls; may be repeated",
  "flag.auto": "when the server falls, try the known ones in turn without asking",
  "flag.history": "earlier messages to show on entering (50; 0 for none)",
  "flag.time": 'how times are shown, e.g. "dd/MM HH:mm" (yyyy-MM-dd HH:mm:ss)',
  "flag.utc": "show times in UTC",
  "flag.no-color": "use no colours",
  "flag.lang": "language: es or en",
  "flag.help": "show this help",
  "flag.plain": "nothing but lines: for screen readers and slow links",
  "flag.version": "show the version",
  "flag.completions": "show the script by which bash or zsh completes these options",

  "edition.source": "from source",
  "edition.compiled": "compiled",
  "edition.self-extracting": "self-extracting",
};

/** Name of a sentence. */
export type SentenceKey = keyof typeof SPANISH;

/** Languages that the catalogue has. */
export const LANGUAGES = ["es", "en"] as const;
/** A language that the catalogue has. */
export type Language = typeof LANGUAGES[number];

/** The whole catalogue. */
export const CATALOGUE: Readonly<Record<Language, Readonly<Record<SentenceKey, string>>>> = {
  es: SPANISH,
  en: ENGLISH,
};

type Placeholder<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;
type Values<Key extends SentenceKey> = Placeholder<typeof SPANISH[Key]> extends never ? []
  : [Readonly<Record<Placeholder<typeof SPANISH[Key]>, string | number>>];

/** Name of a sentence without placeholders. */
export type PlainSentenceKey = { [Key in SentenceKey]: Values<Key> extends [] ? Key : never }[SentenceKey];

/** Gives a sentence in one language, with its placeholders filled in. */
export type Sentences = <Key extends SentenceKey>(key: Key, ...values: Values<Key>) => string;

/** The sentences of a language. */
export function sentencesIn(language: Language): Sentences {
  return (key, ...[values]) => fill(CATALOGUE[language][key], values ?? {});
}

const NO_DETAILS: ErrorDetails = {};

/** The sentence, or the end of one if the error is about a connection, that tells a person what went wrong. */
export function explain(error: unknown, language: Language): string {
  const { code, details } = error instanceof ChatError ? error : { code: "internal", details: NO_DETAILS };
  const isFromWire = error instanceof ProtocolError || error instanceof RefusedError;
  const key = `${isFromWire ? "wire" : "error"}.${code}`;
  // Whoever throws somebody out need not say why.
  const hasNoReason = key === "wire.kicked" && !details.reason;
  const known = hasNoReason ? { reason: CATALOGUE[language]["client.no-reason"] } : details;
  if (isSentence(key)) return fill(CATALOGUE[language][key], known);
  const reason = error instanceof Error ? error.message : String(error);
  return fill(CATALOGUE[language]["error.unknown"], { reason, code });
}

/** The language to speak: what `--lang` says, else what the first of LC_ALL, LC_MESSAGES and LANG that names
 * one we have says, else Spanish. */
export function chooseLanguage(flag: string | undefined, locales: readonly (string | undefined)[]): Language {
  for (const choice of [flag, ...locales]) {
    const language = LANGUAGES.find((known) => new RegExp(`^${known}(?![a-z])`, "i").test(choice ?? ""));
    if (language) return language;
  }
  return "es";
}

function isSentence(key: string): key is SentenceKey {
  return Object.hasOwn(SPANISH, key);
}

function fill(sentence: string, values: Readonly<Record<string, string | number>>): string {
  return sentence.replace(/\{([\w-]+)\}/g, (_, name) => String(values[name] ?? ""));
}
