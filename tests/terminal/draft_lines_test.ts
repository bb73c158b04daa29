// DraftLines: the lines of a draft. input_router_test.ts shows them with questions.

import { assertEquals } from "@std/assert";
import { DraftLines } from "../../lib/terminal/draft_lines.ts";
import { LineEditor } from "../../lib/terminal/line_editor.ts";
import { pure } from "../testing/test_options.ts";

Deno.test("DraftLines.addAnswer() keeps lines apart that come behind the rest of a paste", pure, () => {
  const editor = new LineEditor();
  const draft = new DraftLines(editor, () => false);
  draft.addPasted(["dos"]);
  draft.addAnswer("uno", { text: "uno", restFrom: 0 });
  draft.add("tres");
  assertEquals(editor.text, "uno ↵ dos ↵ tres");
});
