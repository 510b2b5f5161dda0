import { Gavel } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/review", title: msg("Review"), icon: Gavel, group: "decide", order: 10, roles: ["officer", "admin"], full: true, load: () => import("./review.tsx") },
];
