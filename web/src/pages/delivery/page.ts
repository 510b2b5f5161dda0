import { BellRing, Send } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/delivery", title: msg("Delivery"), icon: Send, group: "run", order: 30, roles: ["officer", "admin"], load: () => import("./delivery.tsx") },
  { path: "/delivery/notices", title: msg("Notices"), icon: BellRing, group: "run", order: 31, roles: ["admin"], load: () => import("./notices.tsx") },
];
