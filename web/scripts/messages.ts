/**
 * The texts of the source and the catalogue in step: without arguments new texts are added to locales/id.po (empty) and
 * unused ones dropped; with --check it fails while one is missing, empty or unused, or loses a {placeholder}.
 */
import { po } from "gettext-parser";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const WEB = new URL("..", import.meta.url);
const CATALOGUE = new URL("locales/id.po", WEB);
const SOURCE = fileURLToPath(new URL("src/", WEB));

type Text = { one: string; many?: string; where: string };

function texts(): Map<string, Text> {
  const found = new Map<string, Text>();
  for (const name of readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).sort()) {
    if (!/\.tsx?$/.test(name) || name.endsWith(".d.ts")) continue;
    const file = ts.createSourceFile(name, readFileSync(SOURCE + name, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && ["t", "tn", "msg"].includes(node.expression.text)) {
        const [first, second] = node.arguments;
        if (first && ts.isStringLiteralLike(first) && first.text) {
          const text: Text = { one: first.text, where: name };
          if (node.expression.text === "tn" && second && ts.isStringLiteralLike(second)) text.many = second.text;
          if (!found.has(text.one)) found.set(text.one, text);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

const wanted = texts();
const parsed = po.parse(readFileSync(CATALOGUE));
const entries = parsed.translations[""] ?? {};
const holes = (text: string): string => (text.match(/\{\w+\}/g) ?? []).sort().join();

if (process.argv.includes("--check")) {
  const faults: string[] = [];
  for (const [key, text] of wanted) {
    const entry = entries[key];
    if (!entry || !entry.msgstr.every(Boolean)) faults.push(`no Indonesian text: ${JSON.stringify(key)} (src/${text.where})`);
    else if (holes(entry.msgstr[0] ?? "") !== holes(text.many ?? key)) faults.push(`other {placeholders}: ${JSON.stringify(key)}`);
  }
  for (const key of Object.keys(entries)) if (key && !wanted.has(key)) faults.push(`unused: ${JSON.stringify(key)}`);
  if (faults.length) {
    console.error(`locales/id.po does not fit the source (node scripts/messages.ts adds and drops):\n  ${faults.join("\n  ")}`);
    process.exit(1);
  }
} else {
  const kept: typeof entries = { "": entries[""]! };
  for (const [key, text] of [...wanted].sort(([a], [b]) => (a < b ? -1 : 1))) {
    kept[key] = {
      msgid: key,
      ...(text.many ? { msgid_plural: text.many } : {}),
      msgstr: entries[key]?.msgstr ?? [""],
    };
  }
  parsed.translations[""] = kept;
  writeFileSync(CATALOGUE, po.compile(parsed, { foldLength: 0 }).toString() + "\n");
  console.log(`${wanted.size} texts, ${Object.values(kept).filter((entry) => !entry.msgstr.every(Boolean)).length} empty`);
}
