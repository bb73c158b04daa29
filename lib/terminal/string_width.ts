// A module of its own in the executables, which load it after their first prompt: see graphemes.ts.

export { default } from "string-width";
