import react from "@vitejs/plugin-react";
import { po } from "gettext-parser";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { basemap } from "./scripts/basemap.ts";
import { worker } from "./scripts/worker.ts";

/** A gettext catalogue as a module: msgid → msgstr, plural forms as a list, empty ones left out. */
function catalogues(): Plugin {
  return {
    name: "catalogues",
    transform(code, id) {
      if (!id.endsWith(".po")) return null;
      const messages: Record<string, string | string[]> = {};
      for (const entry of Object.values(po.parse(code).translations[""] ?? {})) {
        if (!entry.msgid || !entry.msgstr.every(Boolean)) continue;
        messages[entry.msgid] = entry.msgid_plural ? entry.msgstr : (entry.msgstr[0] ?? "");
      }
      return { code: `export default ${JSON.stringify(messages)};`, map: null };
    },
  };
}

export default defineConfig({
  plugins: [catalogues(), basemap(), react(), worker()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../core/web/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
