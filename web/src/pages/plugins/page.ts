import { Blocks, Puzzle } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/plugins", title: msg("Plugins"), icon: Blocks, group: "run", order: 50, roles: ["admin"], load: () => import("./plugins.tsx") },
  { path: "/added/:instance/:page", title: msg("Page of a plugin"), icon: Puzzle, group: "run", roles: ["owner", "officer", "police", "admin"], hidden: true, load: () => import("./added.tsx") },
];
