/** Around the app's pages: what the line and the outbox are doing, and the pages under the thumb. */
import { CircleArrowUp, CloudOff, CloudUpload, X } from "lucide-react";
import { type ReactNode, useState, useSyncExternalStore } from "react";
import { Link } from "wouter";
import { t, tn } from "../i18n/index.ts";
import { useNow, useOnline } from "../live/live.ts";
import type { Page } from "../pages/registry.ts";
import { Button } from "../ui/parts.tsx";
import { discard, type Item } from "./outbox.ts";
import { useWaiting } from "./send.ts";
import { hasUpdate, update, watchUpdate } from "./worker.ts";
import "./app.css";

/** Mostly a thing is sent within a second: a line that comes and goes would move what is under the thumb. */
const LATE_MS = 5_000;

export function Strip(): ReactNode {
  const online = useOnline();
  const items = useWaiting();
  const now = useNow();
  const isOld = useSyncExternalStore(watchUpdate, hasUpdate);
  const [open, setOpen] = useState(false);
  const refused = items.filter((item) => item.refused);
  const waiting = items.filter((item) => !item.refused);
  const unsent = waiting.some((item) => !online || now - Date.parse(item.at) > LATE_MS) ? waiting.length : 0;
  if (online && !refused.length && !unsent && !isOld) return null;
  return (
    <div className="strip" role="status">
      {(!online || unsent > 0) && (
        <p className={`strip-line${unsent ? " strip-waits" : ""}`}>
          {online ? <CloudUpload size={16} aria-hidden /> : <CloudOff size={16} aria-hidden />}
          <span>
            {!online && t("No network.")} {unsent ? tn("{n} thing waits to be sent", "{n} things wait to be sent", unsent) : t("What you send waits on this phone.")}
          </span>
        </p>
      )}
      {refused.length > 0 && (
        <div className="strip-refused">
          <button type="button" className="strip-open" aria-expanded={open} onClick={() => setOpen(!open)}>
            {tn("{n} thing was refused", "{n} things were refused", refused.length)}
          </button>
          {open && refused.map((item) => <Refused key={item.id} item={item} />)}
        </div>
      )}
      {isOld && (
        <p className="strip-line">
          <CircleArrowUp size={16} aria-hidden />
          <span>{t("A newer version of the app is here.")}</span>
          <Button look="quiet" onClick={update}>{t("Use it")}</Button>
        </p>
      )}
    </div>
  );
}

const Refused = ({ item }: { item: Item }): ReactNode => (
  <p className="strip-line">
    <span>{item.refused?.words}</span>
    <button type="button" className="icon-button" aria-label={t("Throw away")} onClick={() => void discard(item.id)}>
      <X size={18} aria-hidden />
    </button>
  </p>
);

export function Tabs({ pages, page }: { pages: readonly Page[]; page: Page | undefined }): ReactNode {
  return (
    <nav className="tabs" aria-label={t("Pages")}>
      {pages.map((entry) => (
        <Link key={entry.path} href={entry.path} aria-current={entry === page || (page?.hidden && page.path.startsWith(`${entry.path}/`)) ? "page" : undefined}>
          <entry.icon size={22} strokeWidth={1.75} aria-hidden />
          <span>{t(entry.title)}</span>
        </Link>
      ))}
    </nav>
  );
}
