// The sentences about passwords and certificates, in Spanish and English: a part of the catalogue of i18n.ts.

export const ENTRY_SPANISH = {
  "ask.password": "Contraseña",
  "ask.trust": "¿Confiar en él? (sí/no)",
  "client.unknown-certificate":
    "El certificado de {server} es nuevo para este equipo. Compare su huella con la que enseña el servidor al arrancar:",
  "client.fingerprint-expected": "Huella que se esperaba: {known}",
  "client.fingerprint-now": "Huella que muestra: {fingerprint}",
  "client.not-remembered": "Se confía en {server} solo hasta salir.",
  "client.no-password":
    "Aquí no se puede preguntar la contraseña: use --password-file con un archivo que la tenga.",
  "client.no": "n no",
  "server.fingerprint": "Huella del certificado: {fingerprint}",
  "server.certificate-ends":
    "El certificado de {path} caduca el {date}. Quienes lo conocen tendrán que fiarse del siguiente, que --tls-auto hace si se borra ese archivo.",

  "error.password-empty": "La contraseña está vacía: escríbala en la primera línea.",
  "error.password-too-long": "La contraseña es demasiado larga: el límite es de {max} bytes.",
  "error.file-unreadable": "No se puede leer {path}: {reason}.",
  "error.file-unwritable": "No se puede escribir {path}: {reason}.",
  "error.fingerprint-invalid":
    '"{fingerprint}" no es una huella: es "SHA256:" y 43 caracteres, como la enseña el servidor al arrancar.',
  "error.certificate-invalid":
    "No hay un certificado válido en {path}, o su clave es otra: deben estar en formato PEM.",
  "error.answer-unclear": "Responda sí o no.",
  "error.flag-alone": 'La opción "{flag}" necesita también "{other}". Pruebe con --help.',
  "error.flags-contrary": 'Las opciones "{flag}" y "{other}" no van juntas. Pruebe con --help.',
  "error.no-folder": "No se sabe dónde guardar el certificado: use --tls-dir.",

  "error.not-tls":
    "Lo que hay en {server} no habla TLS, y este cliente ya no habla sin cifrar. Si el servidor es de fiar sin cifrar, entre en él sin --tls.",
  "error.tls-failed": "No se pudo hablar TLS con {server}: {reason}.",
  "error.certificate-refused": "El certificado de {server} no vale: {reason}.",
  "error.certificate-unfit":
    "El certificado de {server} no se puede recordar: lo firma una autoridad. Use --ca con el certificado de ella.",
  "error.certificate-expired":
    "El certificado de {server} ha caducado: quien lleva el servidor debe hacer otro.",
  "error.certificate-unknown":
    "No se conoce el certificado de {server}. Si su huella es la que enseña el servidor al arrancar, añada --tls-fingerprint {fingerprint}.",
  "error.certificate-changed":
    "¡CUIDADO! {server} NO MUESTRA EL CERTIFICADO QUE SE CONOCÍA: ALGUIEN PODRÍA HACERSE PASAR POR ÉL. Si quien lleva el servidor confirma el cambio, borre la línea de {server} en {path}.",
  "error.certificate-other":
    "¡CUIDADO! {server} NO MUESTRA EL CERTIFICADO QUE SE ANUNCIÓ: ALGUIEN PODRÍA HACERSE PASAR POR ÉL.",

  "wire.password-needed": "pide una contraseña",
  "wire.password-wrong": "la contraseña no es correcta",
  "wire.tls-needed": "solo habla TLS: añada --tls",
  "wire.tls-unexpected": "quiso hablar TLS con un servidor que no lo habla",

  "flag.server-password": "archivo cuya primera línea es la contraseña de la sala",
  "flag.client-password": "archivo cuya primera línea es la contraseña, si el servidor la pide",
  "flag.tls-cert": "certificado en PEM con el que se habla TLS",
  "flag.tls-key": "clave en PEM del certificado",
  "flag.tls-auto": "hablar TLS con un certificado propio, que se hace la primera vez",
  "flag.tls-dir": "carpeta donde se guarda el certificado propio",
  "flag.tls": "hablar solo TLS; se pregunta por los certificados nuevos",
  "flag.ca": "autoridades en PEM que responden de los servidores, en vez de preguntar",
  "flag.tls-fingerprint": "huella de un certificado en el que se confía; se puede repetir",
} as const;

export const ENTRY_ENGLISH: Record<keyof typeof ENTRY_SPANISH, string> = {
  "ask.password": "Password",
  "ask.trust": "Trust it? (yes/no)",
  "client.unknown-certificate":
    "The certificate of {server} is new to this machine. Compare its fingerprint with the one that the server shows when it starts:",
  "client.fingerprint-expected": "Fingerprint expected: {known}",
  "client.fingerprint-now": "Fingerprint shown: {fingerprint}",
  "client.not-remembered": "{server} is trusted only until you leave.",
  "client.no-password": "The password cannot be asked for here: use --password-file with a file that has it.",
  "client.no": "n no",
  "server.fingerprint": "Fingerprint of the certificate: {fingerprint}",
  "server.certificate-ends":
    "The certificate in {path} ends on {date}. Those who know it will have to trust the next one, which --tls-auto makes if that file is deleted.",

  "error.password-empty": "The password is empty: write it on the first line.",
  "error.password-too-long": "The password is too long: the limit is {max} bytes.",
  "error.file-unreadable": "Cannot read {path}: {reason}.",
  "error.file-unwritable": "Cannot write {path}: {reason}.",
  "error.fingerprint-invalid":
    '"{fingerprint}" is no fingerprint: it is "SHA256:" and 43 characters, as the server shows it when it starts.',
  "error.certificate-invalid":
    "There is no valid certificate in {path}, or its key is another: they must be in PEM.",
  "error.answer-unclear": "Answer yes or no.",
  "error.flag-alone": 'Option "{flag}" needs "{other}" as well. Try --help.',
  "error.flags-contrary": 'Options "{flag}" and "{other}" do not go together. Try --help.',
  "error.no-folder": "There is no place known to keep the certificate: use --tls-dir.",

  "error.not-tls":
    "What is at {server} does not speak TLS, and this client no longer speaks without. If you trust the server unencrypted, enter it without --tls.",
  "error.tls-failed": "Could not speak TLS with {server}: {reason}.",
  "error.certificate-refused": "The certificate of {server} cannot be used: {reason}.",
  "error.certificate-unfit":
    "The certificate of {server} cannot be remembered: an authority signs it. Use --ca with the certificate of that authority.",
  "error.certificate-expired":
    "The certificate of {server} has ended: whoever runs the server must make another.",
  "error.certificate-unknown":
    "The certificate of {server} is not known. If its fingerprint is the one that the server shows when it starts, add --tls-fingerprint {fingerprint}.",
  "error.certificate-changed":
    "BEWARE! {server} DOES NOT SHOW THE CERTIFICATE THAT WAS KNOWN: SOMEBODY MAY BE POSING AS IT. If whoever runs the server confirms the change, delete the line of {server} in {path}.",
  "error.certificate-other":
    "BEWARE! {server} DOES NOT SHOW THE CERTIFICATE THAT WAS ANNOUNCED: SOMEBODY MAY BE POSING AS IT.",

  "wire.password-needed": "it asks for a password",
  "wire.password-wrong": "the password is not right",
  "wire.tls-needed": "it speaks TLS only: add --tls",
  "wire.tls-unexpected": "it wanted to speak TLS with a server that does not",

  "flag.server-password": "file whose first line is the password of the room",
  "flag.client-password": "file whose first line is the password, if the server asks for one",
  "flag.tls-cert": "certificate in PEM with which to speak TLS",
  "flag.tls-key": "key of the certificate in PEM",
  "flag.tls-auto": "speak TLS with a certificate of its own, made the first time",
  "flag.tls-dir": "folder in which its own certificate is kept",
  "flag.tls": "speak TLS only; you are asked about new certificates",
  "flag.ca": "authorities in PEM that vouch for the servers, instead of asking",
  "flag.tls-fingerprint": "fingerprint of a certificate to trust; may be repeated",
};
