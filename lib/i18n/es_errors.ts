// What went wrong, in Spanish: errors, codes of frames, reasons of the operating system.

export const SPANISH_ERRORS = {
  "error.http-request": "pidió una página web y se le mostró cómo entrar en el chat",
  "error.output-failed":
    "No se puede escribir en la salida: {reason}. Revise el disco; mientras tanto se omiten líneas.",

  "error.port-invalid": 'El puerto "{port}" no es válido: debe ser un número de 1 a 65535.',
  "error.address-invalid": '"{address}" no es una dirección: escriba IP o nombre, con o sin ":puerto".',
  "error.ip-invalid": '"{ip}" no es una dirección IP: escriba una como 192.168.1.5.',
  "error.ip-not-banned": "La dirección {ip} no está vetada.",
  "error.minutes-invalid":
    '"{minutes}" no es válido: escriba los minutos como un número entero de 0 a {max}.',
  "error.address-link-local":
    "{server} es una dirección de enlace local, que depende de la interfaz de cada cliente: indique otra.",
  "error.backup-is-self": "{server} es este mismo servidor: indique otro como reserva.",
  "error.backup-unknown": "{server} no es un servidor de reserva. /reserva muestra los que hay.",
  "error.backup-serves":
    "{server} también sirve esta sala: para quitarlo de la reserva, cierre ese servidor.",
  "error.backups-full": "Ya hay {max} servidores de reserva, el máximo: quite uno antes.",
  "error.pattern-invalid":
    "El patrón \"{pattern}\" no es válido: use yyyy, MM, dd, HH, mm, ss y texto entre 'comillas'.",
  "error.choice-invalid": "Elija un número de 1 a {max}.",
  "error.nick-invalid": 'El nick "{nick}" no es válido: use solo letras, números, "_" y "-" (hasta {max}).',
  "nick-invalid.empty": 'Escriba un nick de 1 a {max} letras, números, "_" o "-".',
  "error.nick-mixed": 'El nick "{nick}" no es válido: use letras de un solo alfabeto.',
  "error.nick-unknown": 'Ningún miembro tiene el nick "{nick}": /quien muestra quién está en línea.',
  "error.nick-mistyped": 'Ningún miembro tiene el nick "{nick}". ¿Quiso decir {suggestion}?',
  "error.text-too-long": "No se envió: el mensaje tiene {length} caracteres; acórtelo a {max}.",
  "text-too-long.more": "No se envió: el mensaje tiene más de {count} caracteres; acórtelo a {max}.",
  "text-too-long.recall": "Pulse la flecha arriba para recuperarlo.",
  "error.command-unknown": 'El comando "{command}" no existe. Vea la lista con /ayuda.',
  "error.command-mistyped":
    'El comando "{command}" no existe. ¿Quiso decir {suggestion}? Vea la lista con /ayuda.',
  "error.command-of-console": "{command} es de la consola del servidor. Comandos del cliente: /ayuda.",
  "error.args-missing": "No se ejecutó. Se escribe así: {usage}",
  "error.args-extra": "Demasiado texto: no se ejecutó. Se escribe así: {usage}",
  "error.request-invalid":
    "No es una petición: {request}. Escriba un objeto JSON con uno de estos campos: {fields}.",
  "error.flag-unknown": 'La opción "{flag}" no existe. Pruebe con --help.',
  "error.flag-mistyped": 'La opción "{flag}" no existe. ¿Quiso decir {suggestion}? Pruebe con --help.',
  "error.time-invalid": '"{time}" no es una fecha: escriba, por ejemplo, 2026-11-29 o 2026-11-29T18:00.',
  "error.flag-value-missing": 'La opción "{flag}" necesita un valor. Pruebe con --help.',
  "error.flag-value-invalid": 'La opción "{flag}" no admite "{value}". Pruebe con --help.',
  "error.argument-unexpected": 'No se esperaba "{argument}". Pruebe con --help.',
  "error.input-ended":
    'La entrada terminó sin responder a "{question}": indique ese dato con una opción. Pruebe con --help.',

  "error.name-unknown": 'No se encuentra "{host}": revise el nombre o escriba la IP.',
  "error.refused": "Ningún servidor escucha en {server}: revise la dirección y el puerto.",
  "error.unreachable": "No se puede llegar a {server}: revise la dirección y la red ({reason}).",
  "error.network-away": "No hay red para llegar a {server}: revise el cable, el wifi y la dirección.",
  "error.no-answer": "{server} no respondió en {seconds} s: revise la dirección y el firewall.",
  "error.name-late": 'No se pudo buscar "{host}" en {seconds} s: revise la red o escriba la IP.',
  "error.no-welcome":
    "{server} aceptó la conexión, pero no respondió en {seconds} s: compruebe que es un servidor de chat.",
  "error.not-a-chat-server": "{server} no es un servidor de este chat: revise la dirección y el puerto.",

  "error.nats-unreachable": "No se puede llegar a NATS en {servers}: {reason}. Inicie NATS, o revise --nats.",
  "error.nats-refused": "NATS en {servers} rechazó las credenciales: revise --nats-creds, o las de --nats.",
  "error.nats-forbidden": "NATS en {servers} niega un permiso a este usuario: {reason}. Concédalo en NATS.",
  "error.nats-tls":
    "Falló la conexión TLS con NATS en {servers}: {reason}. Si el certificado lo firma una autoridad propia, indíquela con --nats-ca.",
  "error.nats-no-jetstream":
    "NATS en {servers} no tiene JetStream: inícielo con nats-server -js -sd CARPETA.",
  "error.nats-full": "NATS en {servers} no tiene espacio para la sala: amplíelo o borre datos antiguos.",
  "error.nats-other-stream": "El stream {stream} de NATS no es de una sala: elija otro nombre con --room.",
  "error.nats-stream-small":
    "Los límites del stream {stream} de NATS son muy bajos para una sala: aumente max_bytes y max_msg_size, o cambie --room.",
  "error.nats-overlap": "Otro stream de NATS ya recibe los mensajes de esta sala: cambie --room.",
  "error.nats-stream-gone": "La sala se borró en NATS: reinicie este servidor para empezar una vacía.",
  "error.nats-log-back":
    "NATS perdió los últimos mensajes: reinicie este servidor; los clientes enviarán de nuevo los que aún conservan.",
  "error.nats-unread": "NATS no entrega la sala completa: pruebe de nuevo o reinicie NATS.",
  "error.nats-newer": "Otro servidor de la sala usa una versión más nueva: actualice este.",
  "error.nats-log-cut": "En NATS faltan mensajes de la sala: reinicie este servidor.",

  "error.port-in-use": "El puerto {port} ya está en uso en {host}: elija otro.",
  "error.port-privileged": "El puerto {port} requiere permisos de administrador: elija uno a partir de 1024.",
  "error.address-not-local": "{host} no es una dirección de este equipo: elija una que este equipo tenga.",
  "error.accept-failed": "No se pueden aceptar más conexiones: {reason}. El servidor sigue intentándolo.",
  "error.listen-failed":
    "No se puede escuchar en {host}, puerto {port}: {reason}. Elija otra dirección o puerto.",

  // Lost connections: clauses
  "error.closing": "el servidor se ha cerrado",
  "error.closed": "el servidor cortó la conexión",
  "error.broken": "se cortó la conexión",
  "error.silent": "el servidor dejó de responder",
  "error.garbled": "el servidor envió datos no válidos",

  // Codes of ERROR and REJECTED frames: clauses
  "wire.frame-too-long": "se recibió una trama demasiado larga",
  "wire.frame-malformed": "se recibió una trama mal formada",
  "wire.frame-unknown": "se recibió una trama de tipo desconocido",
  "wire.frame-unexpected": "se recibió una trama fuera de lugar",
  "wire.version-unsupported":
    "el cliente y el servidor usan versiones distintas del protocolo; actualice el más antiguo",
  "wire.frame-late": "una trama tardó demasiado en llegar",
  "wire.counter-backwards": "los mensajes llegaron fuera de orden",
  "wire.store-away": "el servidor no puede guardar mensajes ahora; hay que esperar un momento",
  "wire.room-full": "la sala está llena; hay que esperar a que salga un miembro",
  "wire.address-crowded":
    "demasiadas conexiones desde la misma dirección o red (límite del servidor: --max-per-address)",
  "wire.entering-too-often":
    "demasiados intentos de entrar desde la misma dirección; hay que esperar un minuto",
  "wire.hello-late": "el cliente no se identificó a tiempo",
  "wire.nick-invalid": 'el nick "{nick}" no está permitido',
  "wire.nick-mixed": 'el nick "{nick}" mezcla letras de varios alfabetos',
  "wire.nick-taken": 'el nick "{nick}" ya está en uso',
  "wire.nick-lookalike": 'el nick "{nick}" se parece demasiado a uno en uso',
  "wire.text-invalid": "se recibió un mensaje no válido",
  "wire.replaced": "la misma sesión se conectó desde otro lugar",
  "wire.kicked": "Se le expulsó: {reason}",
  "kicked.no-reason": "Se le expulsó.",
  "wire.banned": "el servidor ha vetado por ahora la dirección de este cliente",
  "wire.too-slow": "el cliente leía demasiado despacio",
  "wire.silent": "el cliente dejó de responder",
  "wire.password-needed": "pide una contraseña",
  "wire.password-wrong": "la contraseña no es correcta",
  "wire.tls-needed": "solo admite TLS (opción --tls)",
  "wire.tls-unexpected": "el cliente intentó usar TLS con un servidor que no lo usa",
  "error.unknown": "{reason} ({code})",

  "error.password-empty": "La contraseña está vacía: escríbala.",
  "error.password-file-empty": "La contraseña de {path} está vacía: póngala en la primera línea.",
  "error.password-too-long": "La contraseña es demasiado larga: el límite es de {max} bytes.",
  "error.file-unreadable": "No se puede leer {path}: {reason}.",
  "error.file-too-large": "{path} ocupa más de 1 MiB: compruebe que es el archivo correcto.",
  "error.file-not-text": "{path} no es texto UTF-8: guárdelo como UTF-8 o, si es un certificado, como PEM.",
  "error.file-unwritable": "No se puede escribir en {path}: {reason}.",
  "error.nats-url-invalid": "{url} no es una dirección de NATS: escriba, por ejemplo, nats://10.0.0.7:4222.",
  "error.nats-creds-invalid":
    "{path} no contiene credenciales de NATS: use un archivo .creds, o usuario:contraseña en la primera línea.",
  "error.room-invalid":
    "{room} no es un nombre de sala válido: use de 1 a 32 letras sin tilde ni ñ, números, _ o -.",
  "error.fingerprint-invalid": '"{fingerprint}" no es una huella: cópiela del servidor, con su "SHA256:".',
  "error.authority-invalid":
    "{path} no contiene un certificado PEM válido de una autoridad: revise el archivo.",
  "error.certificate-invalid":
    "{path} no contiene un certificado PEM válido, o la clave no le corresponde: revise los archivos.",
  "error.key-encrypted": "La clave de {path} está protegida con contraseña: use una clave sin contraseña.",
  "error.certificate-unusable": "TLS no admite {path} o su clave ({reason}): use una clave RSA o P-256.",
  "error.answer-is-talk": '"{text}" no es un servidor: pasó a la línea del chat, sin enviar.',
  "error.answer-not-sent": '"{text}" no es un servidor, y no se envió al chat: escriba IP o nombre[:puerto].',
  "error.answer-to-chat": '"{text}" no es un servidor: se envía al chat.',
  "error.answer-unclear": "Responda sí o no.",
  "error.flag-alone": 'La opción "{flag}" necesita también "{other}". Pruebe con --help.',
  "error.flags-contrary": 'Las opciones "{flag}" y "{other}" no se pueden combinar. Pruebe con --help.',
  "error.no-folder": "No se sabe dónde guardar el certificado: use --tls-dir.",
  "error.tls-lacking":
    "TLS necesita Deno 2.8 o posterior, y este es {runtime}: actualice Deno, o compile de nuevo este programa con un Deno más nuevo.",

  // System errors: clauses
  "reason.is-folder": "es una carpeta",
  "reason.is-link": "es un enlace simbólico; ponga ahí el archivo al que lleva, o borre el enlace",
  "reason.no-file": "no es un archivo",
  "reason.has-names":
    "tiene varios nombres (enlaces duros); conserve solo el nombre que el servidor usó la última vez",
  "reason.missing": "no existe",
  "reason.not-folder": "una parte de esa ruta es un archivo y no una carpeta; corrija la ruta",
  "reason.link-loop": "los enlaces simbólicos de esa ruta forman un círculo",
  "reason.name-too-long": "el nombre es demasiado largo",
  "reason.no-permission": "permiso denegado",
  "reason.read-only": "el disco es de solo lectura",
  "reason.no-space": "el disco está lleno",
  "reason.size-limit": "el archivo ha llegado a su tamaño máximo",
  "reason.disk-broken": "el disco falla, o se agotó la cuota de disco",
  "reason.too-many-open": "hay demasiados archivos y conexiones abiertos",
  "reason.not-listening": "ahí no escucha ningún servidor",
  "reason.broken": "se cortó la conexión",
  "reason.no-route": "no hay ruta hasta ahí",
  "reason.no-address": "este equipo no tiene una dirección adecuada",
  "reason.no-ipv6": "este equipo no usa IPv6",
  "reason.address-unfit": "ningún servidor puede tener esa dirección",
  "reason.zone": "añada una interfaz de este equipo a la dirección, por ejemplo fe80::1%eth0",
  "reason.name-unknown": "no se encontró el nombre",
  "reason.no-answer": "no responde",
  "reason.certificate-other-name": "el certificado no es de ese nombre o dirección",
  "reason.certificate-stranger": "autoridad de certificación desconocida",
  "reason.folder-missing": "no existe su carpeta",
  "reason.folder-closed": "no se puede escribir en su carpeta",
  "reason.no-tls": "no usa TLS",
  "reason.not-nats": "ahí escucha otro programa, no NATS",

  "error.data-busy": "Otro servidor está usando {path}: cierre ese servidor, o use otro archivo.",
  "error.data-newer":
    "{path} es de una versión más nueva (formato {version}) y no se modificó: actualice este programa.",
  "error.data-damaged":
    "{path} está dañado, o no es el archivo de una sala. No se modificó: restaure una copia, o use otro archivo.",
  "error.data-unusable": "No se puede usar {path}: {reason}.",
  "error.disk-full": "El disco está lleno: los mensajes esperan. Libere espacio, y la sala seguirá.",
  "error.disk-full-at-start":
    "El disco está lleno: libere al menos {megabytes} MB para {path} e inicie de nuevo el servidor.",
  "error.data-gone":
    "{path} falta o se vació: los mensajes esperan y pueden perderse los últimos. Si lo movió, devuélvalo a su sitio. Si no, cierre el servidor y borre lo que quede del archivo, también {path}-wal y {path}-shm; si tiene una copia, póngala en su lugar. Después, inicie el servidor.",
  "error.copy-unwritable":
    "--export no puede copiar {path} ni en {folder} ni en la carpeta temporal ({reason}). Libere espacio ahí, o indique otra carpeta en TMPDIR.",
  "error.export-cut": "--export se interrumpió y no mostró todo el contenido de {path}: ejecútelo de nuevo.",
  "error.disk-failed":
    "Los mensajes esperan, porque no se pueden guardar ({reason}). Se reintenta cada segundo.",

  "error.not-tls":
    "{server} no usa TLS, y este cliente solo se conecta con TLS. Si confía en ese servidor, salga y entre en él sin opciones de TLS.",
  "error.tls-gone":
    "{server} usaba TLS y ahora no cifra: puede ser un impostor. El certificado de ese servidor está en {path}, línea {line}. Si el administrador confirma el cambio, olvide ese certificado con {client} --forget {server}",
  "error.server-not-known":
    "No se recuerda ningún certificado de {server}: escriba la dirección con la que se conectó.",
  "error.config-line": "{path}, línea {line}: {why}",
  "error.tls-failed": "Falló la conexión TLS con {server}: {reason}. Revise la dirección y el puerto.",
  "error.certificate-refused":
    "El certificado de {server} no es válido: {reason}. Revise el nombre del servidor y --ca.",
  "error.certificate-unfit":
    "El certificado de {server} no se puede recordar, porque lo firma una autoridad. Indique esa autoridad con --ca.",
  "error.certificate-early":
    "El certificado de {server} aún no es válido. El reloj de este equipo marca {now}: si está mal, corríjalo.",
  "error.certificate-expired":
    "El certificado de {server} ha caducado. El reloj de este equipo marca {now}: si está bien, el administrador del servidor debe crear otro certificado.",
  "error.certificate-unknown":
    "No se conoce el certificado de {server}. Si el servidor muestra la misma huella al iniciarse, añada --tls-fingerprint {fingerprint} al comando.",
  "error.certificate-changed":
    "¡CUIDADO! EL CERTIFICADO DE {server} HA CAMBIADO: EL SERVIDOR PUEDE SER UN IMPOSTOR. Si el administrador confirma el cambio, salga y ejecute {client} --forget {server}",
  "error.certificate-other":
    "¡CUIDADO! EL CERTIFICADO DE {server} NO ES EL ESPERADO: EL SERVIDOR PUEDE SER UN IMPOSTOR. Avise al administrador del servidor.",
} as const;
