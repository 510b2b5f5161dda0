import { FileText, Search } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/cases", title: msg("Cases"), icon: FileText, group: "decide", order: 20, roles: ["officer", "admin"], load: () => import("./cases.tsx") },
  { path: "/cases/:id", title: msg("Case"), icon: FileText, group: "decide", hidden: true, roles: ["officer", "admin"], load: () => import("./case.tsx") },
  { path: "/search", title: msg("Search"), icon: Search, group: "watch", order: 30, roles: ["officer", "admin"], load: () => import("./search.tsx") },
];
