// What the demo itself says, in both languages. Pure.

import type { Language } from "../lib/i18n/translate.ts";

const SPANISH = {
  title: "El chat en acción: dos servidores y tres clientes, cada uno en un proceso aparte",
  steps: {
    opening: "Se inician el servidor primario y el de reserva",
    entering: "Entran ana, beto y caro",
    talking: "Conversan por turnos, y después todos a la vez",
    killing: "SIGKILL al servidor primario, con mensajes en camino",
    goingOn: "Siguen conversando en el servidor de reserva",
    leaving: "Se despiden, y el servidor de reserva termina",
  },
  primary: "servidor primario",
  backup: "servidor de reserva",
  killed: "(aquí recibió SIGKILL)",
  notShown: (name: string, text: string) => `${name} no mostró "${text}" a tiempo`,
  notEnded: (name: string) => `${name} no terminó a tiempo`,
  badEnd: (name: string, how: string) => `${name} terminó con ${how}`,
  misquoted: (name: string, nicks: string) =>
    `${name} no mostró una sola vez y en orden los mensajes de ${nicks}`,
  interrupted: "se interrumpió",
  success: (count: number, inFlight: number, seconds: string) =>
    `Bien: cada cliente vio los ${count} mensajes una sola vez y en orden; ${inFlight} estaban en camino (${seconds} s).`,
  failure: (problems: string) => `Mal: ${problems}.`,
  live: {
    title: "Dos servidores y dos clientes, cada uno en un proceso aparte",
    steps: {
      opening: "Se inician dos servidores: B es la reserva de A",
      entering: "ana y beto se conectan a A",
      talking: "Conversan",
      hanging: "A no responde: lo que escriben queda sin confirmar",
      killing: "kill -9 a A: ana y beto pasan solos a B",
      goingOn: "Siguen en B: lo pendiente llegó una sola vez",
      leaving: "Se despiden, y B termina",
    },
    server: (letter: string) => `servidor ${letter}`,
    starting: "○ iniciando",
    running: "● en marcha",
    hung: "● no responde",
    killed: "✗ kill -9",
    ended: "○ terminó",
    connected: (letter: string) => `● en ${letter}`,
    stop: "Ctrl-C: terminar",
    tooSmall: (size: string) => `Para ver los cuatro paneles, la terminal necesita ${size}.`,
  },
};

const ENGLISH: typeof SPANISH = {
  title: "The chat at work: two servers and three clients, each in its own process",
  steps: {
    opening: "The primary server and the backup start",
    entering: "ana, beto and caro join",
    talking: "They chat in turn, and then all at once",
    killing: "SIGKILL to the primary server, with messages in flight",
    goingOn: "They go on chatting on the backup server",
    leaving: "They leave, and the backup server ends",
  },
  primary: "primary server",
  backup: "backup server",
  killed: "(killed here with SIGKILL)",
  notShown: (name, text) => `${name} did not show "${text}" in time`,
  notEnded: (name) => `${name} did not end in time`,
  badEnd: (name, how) => `${name} ended with ${how}`,
  misquoted: (name, nicks) => `${name} did not show the messages of ${nicks} once and in order`,
  interrupted: "it was interrupted",
  success: (count, inFlight, seconds) =>
    `Good: each client saw the ${count} messages once and in order, ${inFlight} in flight (${seconds} s).`,
  failure: (problems) => `Bad: ${problems}.`,
  live: {
    title: "Two servers and two clients, each a process of its own",
    steps: {
      opening: "Two servers start: B is the backup of A",
      entering: "ana and beto connect to A",
      talking: "They chat",
      hanging: "A hangs: new messages stay unconfirmed",
      killing: "kill -9 on A: ana and beto move to B by themselves",
      goingOn: "They go on at B: pending messages arrived exactly once",
      leaving: "They leave, and B closes",
    },
    server: (letter) => `server ${letter}`,
    starting: "○ starting",
    running: "● running",
    hung: "● not responding",
    killed: "✗ kill -9",
    ended: "○ ended",
    connected: (letter) => `● on ${letter}`,
    stop: "Ctrl-C: quit",
    tooSmall: (size) => `The four panes need a terminal of ${size}.`,
  },
};

export type DemoTexts = typeof SPANISH;

export const DEMO_TEXTS: Readonly<Record<Language, DemoTexts>> = { es: SPANISH, en: ENGLISH };
