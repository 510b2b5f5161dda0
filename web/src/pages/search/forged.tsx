/** In a list: the plate may hang on two vehicles; the case says where the other one was seen. */
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { Badge } from "../../ui/parts.tsx";

export function Forged({ of }: { of: Schemas["ViolationRow"] | Schemas["PassageView"] }): ReactNode {
  return of.clone_signs.length ? <Badge tone="warn">{t("May be a forged plate")}</Badge> : null;
}
