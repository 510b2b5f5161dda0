import { ScrollText } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/audit", title: msg("Audit"), icon: ScrollText, group: "run", order: 60, roles: ["admin"], load: () => import("./audit.tsx") },
];
