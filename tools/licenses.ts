// Collects the licences of all that an executable contains: the chat, Deno, and the packages of deno.lock.

/** Packages without a licence file whose sources name the licence of Deno. */
const LIKE_DENO = ["deno-std"];
const LICENSE_FILE = /^(?:licen[cs]e|copying|notice)\b/i;
const RULE = "=".repeat(80);

/** The texts, each once, behind the names of all that it is the licence of.
 * @throws {Error} if a package has no licence */
export async function collectLicenses(): Promise<string> {
  const chat = await Deno.readTextFile("LICENSE");
  const deno = chat.replace(/^Copyright .*$/m, "Copyright 2018-2026 the Deno authors");
  const texts = [
    { name: "chat", text: chat },
    { name: "Deno (which contains V8 and other software)", text: deno },
  ];
  for (const [name, { localPath }] of Object.entries(await lockedPackages())) {
    if (LIKE_DENO.includes(name.replace(/@[^@]*$/, ""))) texts.push({ name, text: deno });
    else for (const text of await licensesIn(localPath)) texts.push({ name, text });
  }
  const byText = Map.groupBy(texts, ({ text }) => text.trimEnd());
  return [...byText].map(([text, owners]) => {
    const names = owners.map(({ name }) => `* ${name}\n`);
    return `${RULE}\n${names.join("")}${RULE}\n\n${text}\n`;
  }).join("\n");
}

/** The packages of deno.lock by name and version, with the folders where Deno keeps them. */
async function lockedPackages(): Promise<Record<string, { localPath: string }>> {
  const args = ["info", "--json", "--frozen", "server.ts"];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmPackages;
}

async function licensesIn(folder: string): Promise<string[]> {
  const files = [...Deno.readDirSync(folder)].filter(({ name }) => LICENSE_FILE.test(name));
  const names = files.map(({ name }) => name).sort();
  if (names.length === 0) throw new Error(`${folder} has no licence`);
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(`${folder}/${name}`)));
  return texts.map((text) => text.replaceAll(/[ \t\r]+$/gm, "").replace(/^\n+/, ""));
}
