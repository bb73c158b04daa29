// Every sentence in Spanish, by its key. Placeholders are in braces. Here are questions, lines and notices.

import { SPANISH_ERRORS } from "./es_errors.ts";
import { SPANISH_HELP } from "./es_help.ts";

export const SPANISH = {
  "ask.port": "Puerto",
  "ask.interface": "Interfaz",
  "ask.choice": "Elija",
  "ask.server": "Servidor (IP o nombre)",
  "ask.server-found": "Servidor (número, IP o nombre)",
  "ask.new-server": "Nuevo servidor (IP o nombre)",
  "ask.server-after-loss": "¿A qué servidor? IP o nombre[:puerto]",
  "ask.server-after-loss-found": "¿A qué servidor? Número, IP o nombre[:puerto]",
  "offer.answers": "responde",
  "offer.no-answer": "aún no responde",
  "offer.restarted": "reiniciado",
  "found.heading": "Servidores en la red:",
  "found.one": "1 miembro",
  "found.many": "{count} miembros",
  "found.password": "contraseña",
  "ask.nick": "Nick",
  "interface.all": "todas ({address})",

  "server.cluster": "Sala {room}, guardada en NATS ({servers}), copias: {replicas}.",
  "server.unadvertised": "Los demás servidores no conocen la dirección de este: indíquela con --advertise.",
  "server.nats-snapshot-too-large":
    "La lista de miembros no cabe en un mensaje de NATS: ponga max_payload: {megabytes}MB en la configuración de NATS y reinícielo. Hasta entonces, NATS lo guarda todo, y el disco de NATS se va llenando.",
  "server.nats-snapshot-too-large-limited":
    "La lista de miembros no cabe en un mensaje de NATS: ponga max_payload: {megabytes}MB en la configuración de NATS y reinícielo cuanto antes. Mientras tanto, NATS puede borrar líneas de la sala, que faltarán en los servidores que se inicien después. Para evitarlo, el administrador de NATS puede aumentar max_bytes, max_age y max_msgs del stream.",
  "server.nats-starting":
    'NATS se está iniciando o tarda en responder: el servidor espera hasta 30 s. Escriba "salir" para terminar.',
  "server.nats-unavailable": "NATS no responde: los mensajes esperan.",
  "server.nats-available": "NATS responde de nuevo: se guardaron los mensajes que esperaban.",
  "server.listening": 'Escuchando en {address}. Escriba "salir" para terminar.',
  "server.join": "Los clientes entran con: {command}",
  "server.zone": "INTERFAZ",
  "join.zone": "(INTERFAZ es la del cliente, por ejemplo eth0)",
  "server.join-here": "Para entrar desde este equipo: {command}",
  "http.answer":
    "Esto es un servidor de chat ({server}), no una página web. Para entrar, escriba en una terminal:\n\n    {command}",
  "server.announced": 'Nombre en la red local: "{name}".',
  "server.backups": "Servidores de reserva:",
  "server.no-backups": "No hay servidores de reserva. Añada uno con /reserva SERVIDOR:PUERTO.",
  "backup.answers": "✓ {server} responde",
  "backup.fails": "✗ {server}: {why}",
  "backup.name-unknown": "no se encontró el nombre",
  "backup.refused": "ahí no escucha ningún servidor",
  "backup.no-answer": "no responde",
  "backup.not-a-chat-server": "ahí responde otro programa, no un servidor de chat",
  "backup.not-tls": "no usa TLS",
  "backup.certificate-other": "su certificado no es el esperado",
  "backup.certificate-invalid": "su certificado no es válido",
  "server.metrics": "Métricas en http://{address}/metrics, estado en /healthz.",
  "server.closing": "Cerrando el servidor: se avisa a los clientes.",
  "server.closed": "Servidor cerrado.",
  "server.rejected": "Se cerró la conexión de {who}: {why}",
  "server.fault":
    "Error interno al atender a {who}: {fault}. Se cerró su conexión; los demás clientes siguen conectados. Envíe esta línea a los autores del programa.",
  "server.rejected-more": "Conexiones cerradas que no se mostraron: {count}.",
  "output.skipped": "Aquí pueden faltar líneas, {count} como máximo: no se pudieron escribir a tiempo.",
  "output.restored": "Ya se puede escribir en la salida. Pueden faltar líneas, {count} como máximo.",
  "server.commands": "No es un comando. Para hablar a todos: /decir TEXTO. Más comandos: /ayuda.",
  "server.pasted": "Las líneas pegadas juntas no se ejecutan: péguelas una a una.",
  "server.kick-reason": "Motivo de la expulsión de {nick}: {reason}",
  "server.banned": "La dirección {address} queda vetada durante {minutes} min; expulsados: {count}.",
  "server.unbanned": "La dirección {address} ya no está vetada.",
  "server.stats":
    "Clientes: {clients}. Mensajes por segundo: {rate}. Memoria: {megabytes} MB. En marcha desde: {since}.",
  "server.stats-stored": "En disco: {size}.",
  "server.stored-in": "La sala se guarda en {path}.",
  "server.restored": "Líneas de la sala recuperadas: {count}.",
  "server.stall-resolved": "Ya se pueden guardar los mensajes.",

  "client.connecting": "Conectando con {server}…",
  "client.welcome": 'Conectado a {server}. En línea: {names}. Escriba "salir" para terminar.',
  "client.rejoined": "Conectado a {server}. En línea: {names}. {messages}",
  "client.resent": "Se enviaron de nuevo {count} mensajes",
  "client.resent-one": "Se envió de nuevo un mensaje",
  "client.unacked-sent": "Se enviaron los {count} mensajes que estaban sin confirmar",
  "client.unacked-sent-one": "Se envió el mensaje que estaba sin confirmar",
  "client.resent-all": "{sent}; no falta ninguno.",
  "client.resent-none": "No falta ningún mensaje.",
  "client.may-lack-departed": "Pueden faltar mensajes de quienes han salido mientras tanto.",
  "client.may-lack":
    "Pueden faltar mensajes que pasaron por otro servidor: usted estuvo más de {seconds} s sin conexión.",
  "client.draft": 'Borrador guardado: "{text}"',
  "client.draft-dropped": 'Borrador sin enviar: "{text}"',
  "client.more-members": "{names} y {count} más",
  "client.connection-lost": "Se perdió la conexión con {server}: {why}",
  "client.not-joined": "No se pudo entrar en {server}: {why}.",
  "client.truncated": "Líneas que faltan: {count}. El servidor ya no las guarda.",
  "client.stalled":
    "El servidor no puede guardar mensajes ahora; los de usted se enviarán cuando sea posible.",
  "client.stall-resolved": "El servidor ya puede guardar mensajes.",
  "client.retry": "{why} El cliente sigue intentándolo.",
  "client.returning": "{server} responde y conserva la sala: el cliente vuelve a él.",
  "client.others-elsewhere":
    "Aquí no hay nadie más. Miembros en {server}: {count}. Para ir con ellos, salga y entre en ese servidor.",
  "client.more-elsewhere":
    "Hay más miembros en {server}: {count}. Para ir con ellos, salga y entre en ese servidor.",
  "client.returning-to-others": "Hay otros miembros en {server}: el cliente vuelve a él.",
  "client.restarted": "{server} responde de nuevo, pero se reinició: puede haber perdido los mensajes.",
  "client.join-wait": "Demasiados intentos de entrar en {server} desde aquí: el próximo, en {seconds} s.",
  "client.waiting":
    "Mensajes sin confirmar: {count}. El cliente no acepta más líneas hasta que se confirmen.",
  "client.unacked": "Mensajes sin confirmar: {count}. Se enviarán al siguiente servidor.",
  "client.more-unacked": "… y {count} más sin confirmar",
  "client.address-unsent":
    'No se envió: "{text}" parece una dirección, y no hay conexión. Pulse la flecha arriba para recuperarlo.',
  "client.unsent": "Líneas de la entrada leídas pero no enviadas: {count}.",
  "client.leaving": "Mensajes sin confirmar: {count}. Para salir sin esperar, pulse Ctrl-C.",
  "client.undelivered": "Mensajes sin confirmar al salir: {count}. Puede que no hayan llegado.",
  "client.private-unread": '{nick} no está aquí: quizá no le haya llegado "{text}". Si vuelve, pregúntele.',
  "client.private-other":
    'Otro cliente tiene ahora el nick {nick} y no recibió "{text}". Si es la misma persona, repítalo.',
  "client.ignored": "Ya no verá los mensajes de {nick}. Para verlos de nuevo: /ignorar {nick}",
  "client.ignored-absent":
    "{nick} no está ahora en la sala. Usted no verá sus mensajes. Para verlos: /ignorar {nick}",
  "client.unignored": "Verá de nuevo los mensajes de {nick}.",
  "client.ignore-list": "Miembros que ignora: {count}.",
  "client.ignore-none": "No ignora a ningún miembro. /ignorar NICK oculta los mensajes de ese miembro.",
  "client.ignore-self": "No puede ignorar sus propios mensajes.",
  "client.search": "(buscar: {query})",
  "client.search-none": "(no se encuentra: {query})",
  "client.nick-later": "Se usará el nick {nick} en la próxima conexión.",
  "client.nick-same": "Su nick ya es {nick}.",
  "client.nick-unchanged": "No se pudo cambiar: {why}.",
  "link.offline": "sin conexión",
  "link.lagging": "el servidor no responde",
  "client.unread": "nuevo",
  "link.unacked": "{count} sin confirmar",
  "client.paste-not-sent":
    "Líneas pegadas sin enviar: {count}. Pulse la flecha arriba para recuperarlas, una a una.",
  "client.ask-paste": "Ha pegado {count} líneas. ¿Enviarlas? (s/n) [n]:",
  "client.yes": "s sí si y yes",

  "room.joined": "{nick} ({address}) se ha conectado",
  "room.rejoined": "{nick} ({address}) se ha reconectado",
  "room.left": "{nick} ({address}) se ha desconectado",
  "room.connection-lost": "{nick} ({address}) ha perdido la conexión",
  "room.kicked": "Se ha expulsado a {nick} ({address})",
  "room.renamed": "{oldNick} se llama ahora {nick}",
  "room.resent": "{nick}: {count} mensajes enviados de nuevo",
  "room.announced": "El servidor dice: {text}",
  "room.backups": "Servidores de reserva: {backups}",
  "room.no-backups": "Ya no hay servidores de reserva",
  "room.many-joined": "{count} se han conectado: {names}",
  "room.many-rejoined": "{count} se han reconectado: {names}",
  "room.many-left": "{count} se han desconectado: {names}",
  "room.many-connection-lost": "{count} han perdido la conexión: {names}",

  "who.online": "En línea: {count}.",
  "who.line": "{nick} ({address}), desde {since}",
  "who.stale": "Sin conexión desde {since}. En línea hasta entonces:",
  "who.unknown": "Aún sin conexión: no se sabe quién está en línea.",

  "ask.password": "Contraseña",
  "ask.password-after-loss": "Contraseña de {server} (Enter: otro servidor)",
  "ask.trust": "¿Confiar en este certificado? (sí/no)",
  "ask.forget": "¿Olvidar el certificado del servidor y entrar sin cifrar? (s/n)",
  "client.forgotten":
    "Este equipo ya no recuerda el certificado de {server}: la próxima vez tratará ese servidor como nuevo.",
  "client.unknown-certificate":
    "El certificado de {server} es nuevo para este equipo. Pida la huella al administrador del servidor y compárela con esta:",
  "client.fingerprint-expected": "Huella esperada: {known}",
  "client.fingerprint-now": "Huella recibida: {fingerprint}",
  "client.not-trusted": "El cliente no entró en {server}: usted rechazó su certificado.",
  "client.not-remembered": "El certificado de {server} se acepta solo hasta que usted salga.",
  "client.password-plain":
    "La contraseña se enviará sin cifrar: con --tls se cifra, si el servidor lo admite.",
  "client.no-password":
    "Aquí no se puede pedir la contraseña: use --password-file con un archivo que la contenga.",
  "client.no": "n no",
  "server.password-open":
    "Otros usuarios de este equipo pueden leer la contraseña. Para impedirlo: chmod 600 '{path}'",
  "server.password-plain": "La contraseña se envía sin cifrar por la red: para cifrarla, añada --tls-auto.",
  "server.certificate-new":
    "Certificado nuevo en {path}: cada cliente preguntará a su usuario si confía en él.",
  "server.fingerprint": "Huella del certificado: {fingerprint}",
  "server.certificate-early":
    "El certificado de {path} no es válido antes del {date}, y hasta entonces los clientes lo rechazan: revise el reloj de este equipo.",
  "server.certificate-ends":
    "El certificado de {path} caduca el {date}. Si borra ese archivo, --tls-auto crea otro, y los clientes tendrán que confiar en él.",
  "certificate-ends.expired":
    "El certificado de {path} caducó el {date}, y los clientes lo rechazan. Borre ese archivo y reinicie el servidor: --tls-auto crea otro, y los clientes tendrán que confiar en él.",
  "certificate-ends.file":
    "El certificado de {path} caduca el {date}: sustitúyalo antes por otro y reinicie el servidor.",
  "certificate-ends.file-expired":
    "El certificado de {path} caducó el {date}, y los clientes lo rechazan: sustitúyalo por otro y reinicie el servidor.",

  ...SPANISH_ERRORS,
  ...SPANISH_HELP,
} as const;
