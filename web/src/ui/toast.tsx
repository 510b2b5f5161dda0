/** Short notices at the edge of the screen; one may carry an action ("Undo"). Read out by screen readers. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { ApiProblem, Offline } from "../api/client.ts";
import { t } from "../i18n/index.ts";

type Toast = { id: number; kind: "ok" | "bad"; text: string; isNotice: boolean };
/** `notice`: what came by itself; the others answer what was pressed. */
type Tell = { ok(text: string): void; bad(problem: unknown): void; notice(text: string, isUrgent: boolean): void };
const Context = createContext<Tell | null>(null);
const SHOWN_MS = 6000;

export function words(problem: unknown): string {
  if (problem instanceof Offline) return t("The server does not answer. Check the network; nothing was saved.");
  if (problem instanceof ApiProblem) return problem.message;
  return problem instanceof Error ? problem.message : String(problem);
}

export function Toasts({ children }: { children: ReactNode }): ReactNode {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const next = useRef(1);
  const shelf = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // a dialog lies in the top layer: what is shown last lies above it
    if (shelf.current?.matches(":popover-open")) shelf.current.hidePopover();
    if (toasts.length) shelf.current?.showPopover();
  }, [toasts]);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const tell = useMemo<Tell>(() => {
    const show = (kind: Toast["kind"], text: string, isNotice = false) => {
      const id = next.current++;
      setToasts((all) => [...all.slice(-2), { id, kind, text, isNotice }]);
      setTimeout(() => drop(id), SHOWN_MS);
    };
    return {
      ok: (text) => show("ok", text),
      bad: (problem) => show("bad", words(problem)),
      notice: (text, isUrgent) => show(isUrgent ? "bad" : "ok", text, true),
    };
  }, [drop]);
  return (
    <Context value={tell}>
      {children}
      <div ref={shelf} className="toasts" popover="manual" role="region" aria-live="polite" aria-label={t("Notices")}>
        {toasts.map((toast) => (
          <div key={toast.id} className={`toast toast-${toast.kind}`} data-notice={toast.isNotice || undefined}>
            {toast.kind === "ok" ? <CircleCheck size={18} aria-hidden /> : <CircleAlert size={18} aria-hidden />}
            <span>{toast.text}</span>
            <button className="icon-button" aria-label={t("Close")} onClick={() => drop(toast.id)}>
              <X size={16} aria-hidden />
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}

export function useTell(): Tell {
  const tell = useContext(Context);
  if (!tell) throw new Error("outside of Toasts");
  return tell;
}
