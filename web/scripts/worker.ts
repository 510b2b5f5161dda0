/** Builds the service worker /sw.js, one script without imports, and tells it which files belong to the app. */
import { rolldown } from "rolldown";
import { fileURLToPath } from "node:url";
import type { Plugin, Rollup } from "vite";

const SOURCE = fileURLToPath(new URL("../worker/sw.ts", import.meta.url));
/** Pages of others are not fetched ahead. */
const PAGE_OF_OTHERS = /\/src\/pages\/(?!owner|police)[^/]+\/[^/]+\.tsx$/;
const ALWAYS = ["/favicon.svg", "/icon-192.png", "/manifest.webmanifest"];

export function worker(): Plugin {
  return {
    name: "worker",
    // after Vite's own: chunks that hold nothing but styles are gone by then, and a file that is missing fails the worker
    generateBundle: {
      order: "post",
      async handler(_, bundle) {
        const wanted = new Set<string>();
        const follow = (name: string): void => {
          const chunk = bundle[name];
          if (wanted.has(name) || chunk?.type !== "chunk" || PAGE_OF_OTHERS.test(chunk.facadeModuleId ?? "")) return;
          wanted.add(name);
          for (const css of chunk.viteMetadata?.importedCss ?? []) wanted.add(css);
          for (const next of [...chunk.imports, ...chunk.dynamicImports]) follow(next);
        };
        const entries = Object.values(bundle).filter((one): one is Rollup.OutputChunk => one.type === "chunk" && one.isEntry);
        for (const entry of entries) follow(entry.fileName);
        for (const name of Object.keys(bundle)) if (/latin-[^/]*\.woff2$|indonesia[^/]*\.json$/.test(name)) wanted.add(name);
        const files = [...ALWAYS, ...[...wanted].map((name) => `/${name}`)].sort();
        const built = await rolldown({ input: SOURCE, transform: { define: { __FILES__: JSON.stringify(files) } } });
        const { output } = await built.generate({ format: "iife", minify: true });
        if (output.length !== 1) throw new Error("the service worker must be one script");
        this.emitFile({ type: "asset", fileName: "sw.js", source: output[0].code });
        await built.close();
      },
    },
  };
}
