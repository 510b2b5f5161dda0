/** What a page shows when there is nothing to show (yet): loading, empty, error, offline. */
import { CloudOff, type LucideIcon, RefreshCw, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiProblem, Offline } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { Button } from "./parts.tsx";
import { words } from "./toast.tsx";

export function Loading({ rows = 6 }: { rows?: number }): ReactNode {
  return (
    <div className="loading" role="status" aria-label={t("Loading")}>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} className="loading-row" />
      ))}
    </div>
  );
}

export function Empty({ icon: Icon, title, children }: { icon: LucideIcon; title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="state">
      <Icon size={32} strokeWidth={1.5} aria-hidden />
      <h2>{title}</h2>
      {children && <p className="muted">{children}</p>}
    </div>
  );
}

export function Failure({ error, again }: { error: unknown; again?: () => void }): ReactNode {
  const offline = error instanceof Offline;
  const trace = error instanceof ApiProblem ? error.members["instance"] : undefined;
  return (
    <div className="state state-bad" role="alert">
      {offline ? <CloudOff size={32} strokeWidth={1.5} aria-hidden /> : <TriangleAlert size={32} strokeWidth={1.5} aria-hidden />}
      <h2>{offline ? t("No connection to the server") : t("This could not be loaded")}</h2>
      <p className="muted">{offline ? t("What is shown elsewhere may be old. Work goes on when the network is back.") : words(error)}</p>
      {typeof trace === "string" && <p className="mono muted">{trace}</p>}
      {again && (
        <Button onClick={again}>
          <RefreshCw size={16} aria-hidden />
          {t("Try again")}
        </Button>
      )}
    </div>
  );
}
