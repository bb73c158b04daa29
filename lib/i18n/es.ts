// Every sentence in Spanish, by its key. Placeholders are in braces.

export const SPANISH = {
  "ask.port": "Puerto",
  "ask.interface": "Interfaz",
  "ask.choice": "Elija",
  "ask.server": "Servidor (IP o nombre)",
  "ask.server-found": "Servidor (número, IP o nombre)",
  "ask.new-server": "Nuevo servidor (IP o nombre)",
  "ask.server-after-loss": "¿A qué servidor? IP o nombre[:puerto]",
  "offer.answers": "responde",
  "offer.no-answer": "no responde",
  "offer.restarted": "reiniciado",
  "found.heading": "Servidores en la red:",
  "found.one": "1 persona",
  "found.many": "{count} personas",
  "found.password": "contraseña",
  "ask.nick": "Nick",
  "interface.all": "todas ({address})",

  "server.cluster": "Sala {room}, guardada en NATS ({servers}), copias: {replicas}.",
  "server.unadvertised":
    "Los demás servidores de la sala no pueden anunciar este a sus clientes: dé con --advertise la dirección que ellos alcanzan.",
  "server.nats-snapshot-too-large":
    "Hay más gente en la sala de la que cabe en un mensaje de NATS: escriba max_payload: {megabytes}MB en su configuración y arránquelo de nuevo. Hasta entonces NATS no olvida nada de la sala, y ocupa cada vez más disco.",
  "server.nats-snapshot-too-large-limited":
    "Hay más gente en la sala de la que cabe en un mensaje de NATS: escriba max_payload: {megabytes}MB en su configuración y arránquelo de nuevo cuanto antes. No se ha podido impedir que NATS olvide mientras tanto parte de la sala: quien lo administra puede ampliar max_bytes, max_age y max_msgs del stream; de lo contrario, un servidor que arranque después no encontrará toda la sala.",
  "server.nats-starting":
    'NATS está arrancando o tarda en responder: se espera hasta 30 s. Escriba "salir" para terminar.',
  "server.nats-unavailable": "NATS no responde: lo que se diga espera",
  "server.nats-available": "NATS responde de nuevo: lo que esperaba ha llegado",
  "server.listening": 'Escuchando en {address}. Escriba "salir" para terminar.',
  "server.join": "Los clientes entran con: {command}",
  "server.join-here": "En esta máquina se entra con: {command}",
  "http.answer":
    "Esto es un servidor de chat, no una página web ({server}). Para entrar, escriba en una terminal:\n\n    {command}",
  "error.http-request": "pidió una página web, y se le dijo cómo entrar en el chat",
  "server.announced": 'Nombre en la red local: "{name}".',
  "server.backups": "Servidores de reserva:",
  "server.no-backups": "No hay servidores de reserva. Uno se añade con /backup SERVIDOR:PUERTO.",
  "backup.answers": "✓ {server} responde",
  "backup.fails": "✗ {server}: {why}",
  "backup.name-unknown": "no se encontró el nombre",
  "backup.refused": "ahí no escucha ningún servidor",
  "backup.no-answer": "no responde",
  "backup.not-a-chat-server": "lo que responde no es un servidor de este chat",
  "server.metrics": "Métricas en http://{address}/metrics, estado en /healthz.",
  "server.closing": "Cerrando el servidor: se avisa a quienes están conectados.",
  "server.closed": "Servidor cerrado.",
  "server.rejected": "Se cerró la conexión de {who}: {why}",
  "server.fault":
    "Este programa falló al atender a {who}: {fault}. Su conexión se cerró; los demás siguen. Mande esta línea a quien le dio el programa.",
  "server.rejected-more": "Conexiones cerradas que no se han mostrado: {count}.",
  "output.skipped": "Líneas que faltan aquí: hasta {count}. No se pudieron escribir a tiempo.",
  "output.restored": "La salida se puede escribir de nuevo. Líneas que faltan en ella: hasta {count}.",
  "error.output-failed":
    "No se puede escribir la salida: {reason}. Revise el disco; mientras tanto se omiten líneas.",
  "server.commands":
    'Aquí se escriben órdenes, que empiezan con "/": "/say" dice algo a todos, "/help" las enseña todas.',
  "server.kick-reason": "{nick} fue expulsado: {reason}",
  "server.banned": "No se admite a nadie desde {address}. Minutos: {minutes}. Expulsados: {count}.",
  "server.unbanned": "Se admite de nuevo a quien venga desde {address}.",
  "server.stats":
    "Clientes: {clients}. Mensajes por segundo: {rate}. Memoria: {megabytes} MB. En marcha desde: {since}.",
  "server.stats-stored": "En disco: {megabytes} MB.",
  "server.stored-in": "La sala se guarda en {path}.",
  "server.restored": "Sigue con lo que ya había: {count} entradas.",
  "server.stall-resolved": "Lo que se dice se puede guardar de nuevo.",

  "client.welcome": 'Conectado a {server}. En línea: {names}. Escriba "salir" para terminar.',
  "client.rejoined": "Conectado a {server}. En línea: {names}. {resent}",
  "client.resent": "Se reenviaron {count} mensajes",
  "client.resent-one": "Se reenvió un mensaje",
  "client.resent-all": "{resent}; no falta ninguno.",
  "client.resent-none": "No falta ningún mensaje.",
  "client.may-lack":
    "Puede faltar algo de lo dicho en otro servidor: pasaron más de {seconds} s sin conexión.",
  "client.draft": 'Borrador guardado: "{text}"',
  "client.more-members": "{names} y {count} más",
  "client.connection-lost": "Se perdió la conexión con {server}: {why}",
  "client.not-joined": "No se pudo entrar en {server}: {why}.",
  "client.truncated": "Líneas que faltan: {count}. El servidor ya no las guarda.",
  "client.stalled": "El servidor no puede guardar nada por ahora: lo que se diga espera, y llegará.",
  "client.stall-resolved": "El servidor puede guardar de nuevo: lo que esperaba llega.",
  "client.retry": "{why} Se seguirá intentando.",
  "client.returning": "{server} responde y conserva la sala: se vuelve a él.",
  "client.restarted": "{server} responde de nuevo, pero se reinició: puede que ya no tenga lo anterior.",
  "client.join-wait": "{server} pide esperar: demasiadas entradas. Se volverá a él en {seconds} s.",
  "client.waiting": "Mensajes sin confirmar: {count}. Se espera antes de leer más.",
  "client.unacked": "Mensajes sin confirmar: {count}. Se enviarán al próximo servidor.",
  "client.more-unacked": "… y {count} más sin confirmar",
  "client.undelivered": "Mensajes sin confirmar al salir: {count}. Puede que no hayan llegado.",
  "client.ignored": "No se muestra aquí lo que diga {nick}. Para verlo de nuevo: /ignore {nick}",
  "client.unignored": "Se muestra de nuevo lo que diga {nick}.",
  "client.ignore-list": "No se muestra aquí lo que digan: {count}.",
  "client.ignore-none": "No se oculta a nadie. /ignore NICK oculta aquí lo que diga esa persona.",
  "client.ignore-self": "No puede ocultar lo que dice usted.",
  "client.search": "(buscar: {query})",
  "client.search-none": "(no se encuentra: {query})",
  "client.nick-later": "Se usará el nick {nick} en la próxima conexión.",
  "client.nick-same": "Ya tiene el nick {nick}.",
  "client.nick-unchanged": "No se ha cambiado de nick: {why}.",
  "client.no-reason": "sin decir por qué",
  "link.offline": "sin conexión",
  "link.lagging": "el servidor no contesta",
  "client.unread": "nuevo",
  "link.unacked": "{count} sin confirmar",
  "client.paste-not-sent":
    "Líneas pegadas que no se han enviado: {count}. Flecha arriba las devuelve, una a una.",
  "client.ask-paste": "Se han pegado {count} líneas. ¿Enviarlas? (s/n) [n]:",
  "client.yes": "s sí si y yes",

  "room.joined": "{nick} ({address}) se ha conectado",
  "room.rejoined": "{nick} ({address}) se ha reconectado",
  "room.left": "{nick} ({address}) se ha desconectado",
  "room.connection-lost": "{nick} ({address}) ha perdido la conexión",
  "room.kicked": "Se ha expulsado a {nick} ({address})",
  "room.renamed": "{oldNick} se llama ahora {nick}",
  "room.resent": "{nick}: {count} mensajes reenviados",
  "room.announced": "El servidor dice: {text}",
  "room.backups": "Servidores de reserva: {backups}",
  "room.no-backups": "Ya no hay servidores de reserva",
  "room.many-joined": "{count} se han conectado: {names}",
  "room.many-rejoined": "{count} se han reconectado: {names}",
  "room.many-left": "{count} se han desconectado: {names}",
  "room.many-connection-lost": "{count} han perdido la conexión: {names}",

  "command.list": "Órdenes:",
  "who.online": "En línea: {count}.",
  "who.line": "{nick} ({address}), desde {since}",
  "who.stale": "Sin conexión desde {since}. Quién estaba entonces en línea:",
  "who.unknown": "Sin conexión: aún no se sabe quién está en línea.",

  "error.port-invalid": 'El puerto "{port}" no vale: debe ser un número de 1 a 65535.',
  "error.address-invalid":
    '"{address}" no es una dirección: escriba una IP o un nombre, con o sin ":puerto".',
  "error.ip-invalid": '"{ip}" no es una dirección IP.',
  "error.minutes-invalid": '"{minutes}" no vale: los minutos son un número de 0 a {max}.',
  "error.backup-is-self": "{server} es este mismo servidor: dé otro como reserva.",
  "error.backup-unknown": "{server} no es un servidor de reserva: no se puede retirar.",
  "error.backup-serves":
    "{server} también sirve esta sala, y es una reserva mientras esté en marcha: ciérrelo.",
  "error.backups-full": "Ya hay {max} servidores de reserva: no cabe otro.",
  "error.pattern-invalid":
    'Las horas no se pueden mostrar como "{pattern}": use yyyy, MM, dd, HH, mm o ss, y letras entre comillas simples.',
  "error.choice-invalid": "Elija un número de 1 a {max}.",
  "error.nick-invalid": 'El nick "{nick}" no vale: de 1 a {max} letras, cifras, "_" o "-", sin espacios.',
  "error.nick-mixed": 'El nick "{nick}" no vale: mezcla letras de varias escrituras.',
  "error.nick-unknown": 'No hay nadie en línea con el nick "{nick}".',
  "error.nick-mistyped": 'No hay nadie en línea con el nick "{nick}". ¿Quiso decir {suggestion}?',
  "error.text-too-long": "El mensaje tiene {length} caracteres y el límite es {max}: no se ha enviado.",
  "error.command-unknown": 'No existe la orden "{command}". Escriba /help para ver las que hay.',
  "error.command-mistyped":
    'No existe la orden "{command}". ¿Quiso decir {suggestion}? Escriba /help para ver las que hay.',
  "error.args-missing": "Falta algo: {usage}",
  "error.args-extra": "{usage} no lleva nada detrás: no se ha hecho nada.",
  "error.request-invalid":
    "No es una petición: {request}. Escriba un objeto JSON con uno de estos campos: {fields}.",
  "error.flag-unknown": 'No existe la opción "{flag}". Pruebe con --help.',
  "error.flag-mistyped": 'No existe la opción "{flag}". ¿Quiso decir {suggestion}? Pruebe con --help.',
  "error.flag-value-missing": 'A la opción "{flag}" le falta su valor. Pruebe con --help.',
  "error.flag-value-invalid": 'La opción "{flag}" no admite "{value}". Pruebe con --help.',
  "error.argument-unexpected": 'Sobra "{argument}". Pruebe con --help.',
  "error.input-ended":
    'La entrada terminó sin responder "{question}": dé la respuesta con una opción. Pruebe con --help.',

  "error.name-unknown": 'No se encuentra "{host}": revise el nombre o escriba la IP.',
  "error.refused":
    "Nadie escucha en {server}: revise la dirección y el puerto, y que el servidor esté en marcha.",
  "error.unreachable": "No se puede llegar a {server}: revise la dirección y la red ({reason}).",
  "error.network-away":
    "Este equipo no está en ninguna red que llegue a {server}: revise el cable o la wifi, y la dirección.",
  "error.no-answer":
    "{server} no respondió en {seconds} s: revise la dirección, la red y el cortafuegos, y que ahí no haya otro programa.",
  "error.not-a-chat-server":
    "Lo que hay en {server} no es un servidor de este chat: revise la dirección y el puerto.",

  "error.nats-unreachable": "No se pudo hablar con NATS en {servers}: {reason}.",
  "error.nats-refused":
    "NATS en {servers} no admite estas credenciales: mire --nats-creds, o el usuario y la contraseña.",
  "error.nats-forbidden": "NATS en {servers} no permite a este usuario lo que hace falta: {reason}.",
  "error.nats-tls":
    "No se pudo hablar TLS con NATS en {servers}: {reason}. Si su certificado es de una autoridad propia, dela con --nats-ca.",
  "error.nats-no-jetstream":
    "NATS en {servers} no tiene JetStream: arránquelo con nats-server -js -sd CARPETA.",
  "error.nats-full": "NATS en {servers} no tiene sitio para la sala: dele más disco, o borre lo que sobre.",
  "error.nats-other-stream":
    "En NATS hay ya un flujo {stream} que no es de una sala: elija otro nombre con --room.",
  "error.nats-stream-gone": "Alguien ha borrado la sala en NATS: este servidor no puede seguir con ella.",
  "error.nats-log-back":
    "NATS ha perdido lo último que se dijo: arranque de nuevo este servidor, y los clientes lo enviarán otra vez.",
  "error.nats-unread":
    "NATS no entrega lo que dice guardar de la sala: pruebe de nuevo, y si sigue así arranque NATS de nuevo.",
  "error.nats-newer": "Otro servidor de la sala es de una versión más nueva: actualice este.",
  "error.nats-log-cut":
    "En NATS falta una parte de lo que se dijo: este servidor no puede seguir. Arránquelo de nuevo.",

  "error.port-in-use": "El puerto {port} ya está en uso en {host}: elija otro.",
  "error.port-privileged": "El puerto {port} está reservado al administrador: elija uno desde 1024.",
  "error.address-not-local": "{host} no es una dirección de esta máquina.",
  "error.accept-failed": "No se pueden aceptar más conexiones: {reason}.",
  "error.listen-failed": "No se puede escuchar en {host}, puerto {port}: {reason}.",

  // Lost connections: clauses
  "error.closing": "el servidor se ha cerrado",
  "error.closed": "el servidor cortó la conexión",
  "error.broken": "se cortó la conexión",
  "error.silent": "el servidor dejó de responder",
  "error.garbled": "el servidor envió algo que no se entiende",

  // Codes of ERROR and REJECTED frames: clauses
  "wire.frame-too-long": "se recibió una trama demasiado larga",
  "wire.frame-malformed": "se recibió una trama mal formada",
  "wire.frame-unknown": "se recibió una trama de tipo desconocido",
  "wire.frame-unexpected": "se recibió una trama fuera de lugar",
  "wire.version-unsupported": "habla otra versión del protocolo: actualice el programa",
  "wire.frame-late": "una trama tardó demasiado en llegar",
  "wire.counter-backwards": "los mensajes no venían en orden",
  "wire.store-away": "el servidor no puede guardar nada por ahora: pruebe de nuevo en un momento",
  "wire.room-full": "la sala está llena: pruebe más tarde",
  "wire.address-crowded":
    "hay demasiadas conexiones desde la misma dirección o red (el límite es --max-per-address)",
  "wire.entering-too-often": "se ha entrado demasiadas veces desde la misma dirección: espere un minuto",
  "wire.hello-late": "no se identificó a tiempo",
  "wire.nick-invalid": 'el nick "{nick}" no está permitido',
  "wire.nick-mixed": 'el nick "{nick}" mezcla letras de varias escrituras',
  "wire.nick-taken": 'el nick "{nick}" ya está en uso',
  "wire.nick-lookalike": 'el nick "{nick}" se confunde con uno que ya está en uso',
  "wire.text-invalid": "se recibió un mensaje que no está permitido",
  "wire.replaced": "la misma sesión se conectó desde otro lugar",
  "wire.kicked": "Lo expulsaron: {reason}",
  "wire.banned": "quien lleva el servidor no admite por ahora a nadie desde esta dirección",
  "wire.too-slow": "no se leyó a tiempo lo que decía la sala",
  "wire.silent": "no se recibió señal de vida",
  "error.unknown": "{reason} ({code})",

  "usage.server":
    "Uso: chat-server [opciones]\n\nSirve una sala de chat. Lo que no se dé con opciones se pregunta.",
  "usage.client":
    "Uso: chat-client [opciones] [SERVIDOR[:PUERTO]]\n\nEntra en una sala de chat. Lo que no se dé con opciones se pregunta.",
  "usage.options": "Opciones:",
  "value.HOST": "SERVIDOR",
  "value.HOST:N": "SERVIDOR:N",
  "value.IP": "IP",
  "value.[IP:]N": "[IP:]N",
  "value.N": "N",
  "value.S": "S",
  "value.NICK": "NICK",
  "value.FILE": "ARCHIVO",
  "value.DIR": "CARPETA",
  "value.PATTERN": "PATRÓN",
  "value.TEXT": "TEXTO",
  "value.NAME": "NOMBRE",
  "value.TIME": "FECHA",
  "value.URL": "URL",
  "value.SHA256:...": "SHA256:...",
  "flag.server-port": "puerto en el que se escucha (5000 si se acepta lo ofrecido)",
  "flag.server-host": "dirección de esta máquina en la que se escucha; 0.0.0.0 para todas",
  "flag.server-backup": "servidor al que irán los clientes si este cae; se puede repetir",
  "flag.name": "nombre de la sala, con el que la encuentran los clientes en la red (el del equipo)",
  "flag.no-announce": "no anunciar el servidor en la red local",
  "flag.grace": "segundos que se espera antes de anunciar que alguien perdió la conexión (3)",
  "flag.burst": "mensajes que cada cliente puede enviar de golpe (20)",
  "flag.rate": "mensajes por segundo de cada cliente después, o 0 sin límite (5)",
  "flag.max-clients": "conexiones como máximo (1024)",
  "flag.max-per-address": "conexiones como máximo desde una dirección que no sea esta máquina (16)",
  "flag.data": "archivo donde se guarda la sala: sigue ahí cuando el servidor vuelve a arrancar",
  "flag.data-sync":
    "a qué sobrevive el archivo: full, a un apagón; normal, más rápido, al fin del programa (full)",
  "flag.keep": "entradas de la sala que se guardan en el archivo (100000)",
  "flag.keep-days": "días tras los que se olvidan (30)",
  "flag.export": "muestra lo que hay en el archivo de una sala, aunque un servidor lo use, y termina",
  "flag.since": "solo lo dicho desde entonces, p. ej. 2026-11-29 o 2026-11-29T18:00",
  "flag.until": "solo lo dicho antes de entonces",
  "flag.private": "también los mensajes privados",
  "flag.json": "un objeto JSON por línea, al escribir y al leer, para programas; no se pregunta nada",
  "flag.client-host": "IP o nombre del servidor, o SERVIDOR:N",
  "flag.client-port": "puerto del servidor",
  "flag.nick": "nombre con el que le verán los demás",
  "flag.client-backup": "servidor al que ir si el primero cae; se puede repetir",
  "flag.auto": "al caer el servidor, probar los conocidos por turno sin preguntar",
  "flag.history": "mensajes anteriores que se muestran al entrar (50; 0 para ninguno)",
  "flag.notify":
    "cómo avisar de menciones y privados: off, bell (un pitido) o desktop, fuera de la ventana (bell)",
  "flag.time": 'cómo se muestran las horas, p. ej. "dd/MM HH:mm" (yyyy-MM-dd HH:mm:ss)',
  "flag.utc": "mostrar las horas en UTC",
  "flag.no-color": "no usar colores",
  "flag.fast": "sin pausas ni paneles",
  "flag.lang": "idioma: es o en",
  "flag.help": "mostrar esta ayuda",
  "flag.plain":
    "nada más que líneas, también en medio de lo que escriba: para lectores de pantalla y conexiones lentas",
  "flag.version": "mostrar la versión",
  "flag.licenses": "mostrar las licencias del programa y de lo que incluye",
  "flag.completions": "mostrar el guion con el que bash o zsh completan estas opciones",

  "distribution.source": "desde el código fuente",
  "distribution.compiled": "compilado",
  "distribution.self-extracting": "autoextraíble",

  "ask.password": "Contraseña",
  "ask.trust": "¿Confiar en él? (sí/no)",
  "ask.forget": "¿Olvidar su certificado y entrar sin cifrar? (s/n)",
  "client.forgotten": "Olvidado el certificado de {server}: la próxima vez se entra como si fuera nuevo.",
  "client.unknown-certificate":
    "El certificado de {server} es nuevo para este equipo. Compare su huella con la que enseña el servidor al arrancar:",
  "client.fingerprint-expected": "Huella que se esperaba: {known}",
  "client.fingerprint-now": "Huella que muestra: {fingerprint}",
  "client.not-remembered": "Se confía en {server} solo hasta salir.",
  "client.no-password":
    "Aquí no se puede preguntar la contraseña: use --password-file con un archivo que la tenga.",
  "client.no": "n no",
  "server.password-open":
    "Otros usuarios de esta máquina pueden leer la contraseña: quíteles el permiso con chmod 600 '{path}'",
  "server.fingerprint": "Huella del certificado: {fingerprint}",
  "server.certificate-early":
    "El certificado de {path} no vale antes del {date}, y hasta entonces los clientes lo rechazan: mire el reloj de esta máquina.",
  "server.certificate-ends":
    "El certificado de {path} caduca el {date}. Quienes lo conocen tendrán que fiarse del siguiente, que --tls-auto hace si se borra ese archivo.",

  "error.password-empty": "La contraseña está vacía: escríbala en la primera línea.",
  "error.password-too-long": "La contraseña es demasiado larga: el límite es de {max} bytes.",
  "error.file-unreadable": "No se puede leer {path}: {reason}.",
  "error.file-not-text": "{path} no es texto en UTF-8: guárdelo como UTF-8, y los certificados como PEM.",
  "error.file-unwritable": "No se puede escribir {path}: {reason}.",
  "error.nats-url-invalid": "{url} no es una dirección de NATS: escriba, por ejemplo, nats://10.0.0.7:4222.",
  "error.nats-creds-invalid": "{path} no tiene credenciales de NATS.",
  "error.room-invalid": "{room} no sirve de nombre de sala: de 1 a 32 letras inglesas, cifras, _ o -.",
  "error.fingerprint-invalid":
    '"{fingerprint}" no es una huella: es "SHA256:" y 43 caracteres, como la enseña el servidor al arrancar.',
  "error.certificate-invalid":
    "No hay un certificado válido en {path}, o su clave es otra: deben estar en formato PEM.",
  "error.certificate-unusable":
    "TLS no admite el certificado de {path} o su clave ({reason}): haga uno con clave RSA o P-256.",
  "error.answer-is-talk": '"{text}" no es un servidor: queda en la línea del chat, sin enviar.',
  "error.answer-unclear": "Responda sí o no.",
  "error.flag-alone": 'La opción "{flag}" necesita también "{other}". Pruebe con --help.',
  "error.flags-contrary": 'Las opciones "{flag}" y "{other}" no van juntas. Pruebe con --help.',
  "error.no-folder": "No se sabe dónde guardar el certificado: use --tls-dir.",
  "error.tls-lacking":
    "TLS necesita Deno 2.8 o posterior, y este programa usa {runtime}. Si lo ejecuta desde el código fuente, actualice Deno; un archivo hay que hacerlo de nuevo con un Deno posterior (--version dice cuál lleva).",

  // System errors: clauses
  "reason.is-folder": "es una carpeta",
  "reason.missing": "no existe",
  "reason.no-permission": "falta permiso",
  "reason.read-only": "el disco es de solo lectura",
  "reason.no-space": "el disco está lleno",
  "reason.disk-broken": "el disco falla, o se agotó la cuota",
  "reason.too-many-open": "hay demasiados archivos y conexiones abiertos",
  "reason.nobody-listens": "ahí no escucha nadie",
  "reason.name-unknown": "no se encuentra ese nombre",
  "reason.no-answer": "no contesta",
  "reason.certificate-stranger": "no se conoce a quien responde de su certificado",
  "reason.folder-missing": "no existe su carpeta",
  "reason.folder-closed": "en su carpeta no se puede escribir",
  "reason.no-tls": "no habla TLS",
  "reason.not-nats": "ahí escucha otro programa, que no es NATS",

  "error.data-busy": "Otro servidor está usando {path}: termínelo, o dé otro archivo.",
  "error.data-newer":
    "{path} es de una versión posterior de este programa (formato {version}): use esa. El archivo queda como estaba.",
  "error.data-damaged":
    "{path} está dañado, o no es una sala de este programa. Queda como estaba: ponga una copia en su lugar, o dé otro archivo.",
  "error.data-unusable": "No se puede usar {path}: {reason}.",
  "error.disk-full":
    "El disco está lleno: lo que se diga ya no se puede guardar, y espera. Haga sitio en él; entonces la sala sigue sola.",
  "error.disk-full-at-start":
    "El disco está lleno: la sala de {path} no se puede abrir. Libere al menos {megabytes} MB y arranque de nuevo.",
  "error.data-gone":
    "{path} se borró o se movió: lo dicho desde entonces puede perderse, y no se puede guardar nada más. Si se movió, devuélvalo a su sitio; si no, arranque de nuevo el servidor.",
  "error.disk-failed":
    "No se puede guardar lo que se dice ({reason}), y espera. Se vuelve a intentar cada segundo.",

  "error.not-tls":
    "Lo que hay en {server} no habla TLS, y este cliente ya no habla sin cifrar. Si es de fiar sin cifrar, entre en él sin --tls.",
  "error.tls-gone":
    "{server} hablaba TLS y ahora habla sin cifrar: puede ser otro. Lo recuerda {path}, línea {line}. Si quien lo lleva confirma el cambio, olvídelo con chat-client --forget {server}",
  "error.server-not-known":
    "No se recuerda ningún certificado de {server}: escriba la dirección y el puerto con los que entró.",
  "error.config-line": "{path}, línea {line}: {why}",
  "error.tls-failed": "No se pudo hablar TLS con {server}: {reason}.",
  "error.certificate-refused": "El certificado de {server} no vale: {reason}.",
  "error.certificate-unfit":
    "El certificado de {server} no se puede recordar: lo firma una autoridad. Use --ca con el certificado de ella.",
  "error.certificate-early":
    "El certificado de {server} aún no vale según el reloj de esta máquina, que marca {now}: si no es esa hora, póngalo en hora.",
  "error.certificate-expired":
    "El certificado de {server} ha caducado según el reloj de esta máquina, que marca {now}. Si es esa hora, quien lleva el servidor debe hacer otro.",
  "error.certificate-unknown":
    "No se conoce el certificado de {server}. Si su huella es la que enseña el servidor al arrancar, añada --tls-fingerprint {fingerprint}.",
  "error.certificate-changed":
    "¡CUIDADO! {server} NO MUESTRA EL CERTIFICADO QUE SE CONOCÍA: ALGUIEN PODRÍA HACERSE PASAR POR ÉL. Si quien lleva el servidor confirma el cambio, borre la línea de {server} en {path}.",
  "error.certificate-other":
    "¡CUIDADO! {server} NO MUESTRA EL CERTIFICADO QUE SE ANUNCIÓ: ALGUIEN PODRÍA HACERSE PASAR POR ÉL.",

  "wire.password-needed": "pide una contraseña",
  "wire.password-wrong": "la contraseña no es correcta",
  "wire.tls-needed": "solo habla TLS (opción --tls)",
  "wire.tls-unexpected": "quiso hablar TLS con un servidor que no lo habla",

  "flag.server-password": "archivo cuya primera línea es la contraseña de la sala",
  "flag.client-password": "archivo cuya primera línea es la contraseña, si el servidor la pide",
  "flag.tls-cert": "certificado en PEM con el que se habla TLS",
  "flag.tls-key": "clave en PEM del certificado",
  "flag.nats": "servidores NATS que guardan la sala, con comas: nats://SERVIDOR:4222,...; tls:// para cifrar",
  "flag.room": "nombre de la sala en NATS: todos los servidores que lo dan sirven la misma",
  "flag.nats-creds": "credenciales de NATS: un archivo .creds, o usuario:contraseña en su primera línea",
  "flag.nats-ca": "hablar TLS con NATS y fiarse de estas autoridades (PEM)",
  "flag.advertise": "dirección de este servidor que se anuncia a los clientes de los demás",
  "flag.metrics": "puerto de /metrics, para Prometheus, y /healthz; sin IP, solo para esta máquina",
  "flag.tls-auto": "hablar TLS con un certificado propio, que se hace la primera vez",
  "flag.tls-dir": "carpeta donde se guarda el certificado propio",
  "flag.forget": "olvidar el certificado de un servidor, y terminar",
  "flag.no-remember": "no ofrecer el servidor y el nick de la última vez, ni recordar los de esta",
  "flag.config": "archivo con opciones, una por línea, en vez del habitual; manda lo que se dé aquí",
  "flag.tls": "hablar solo TLS; se pregunta por los certificados nuevos",
  "flag.ca": "autoridades en PEM que responden de los servidores, en vez de preguntar",
  "flag.tls-fingerprint": "huella de un certificado en el que se confía; se puede repetir",
} as const;
