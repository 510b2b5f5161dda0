/** The frame around every page: navigation, the present time, the connection, the person. */
import { CloudOff, Globe, KeyRound, LogOut, Menu, Monitor, Moon, PanelLeftClose, Sun, UserRound, X } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { roleOf, useDoor, useSession } from "./api/session.tsx";
import { msg, number, t } from "./i18n/index.ts";
import { setPreferences, type Theme, usePreferences, type Zone, ZONES } from "./i18n/language.ts";
import { moment } from "./i18n/time.ts";
import { Alarms, useNewIncidents } from "./live/alarm.tsx";
import { useNow, useOnline } from "./live/live.ts";
import { Password } from "./password.tsx";
import { PluginLinks } from "./pages/plugins/links.tsx";
import { type Group, GROUPS, type Page, pagesOf } from "./pages/registry.ts";
import { Boundary } from "./ui/boundary.tsx";
import { Choice } from "./ui/parts.tsx";
import { Loading } from "./ui/states.tsx";
import { roleWords } from "./ui/words.ts";

const Strip = lazy(() => import("./app/frame.tsx").then((frame) => ({ default: frame.Strip })));
const Tabs = lazy(() => import("./app/frame.tsx").then((frame) => ({ default: frame.Tabs })));
const GROUP_NAMES: Record<Group, string> = { watch: msg("Watch"), decide: msg("Decide"), run: msg("Operate"), account: msg("Account") };

export function Shell({ page, children }: { page: Page | undefined; children: ReactNode }): ReactNode {
  const session = useSession();
  const online = useOnline();
  const [open, setOpen] = useState(false);
  const [path] = useLocation();
  useEffect(() => setOpen(false), [path]); // by links in the page, by the browser's own buttons
  const waiting = useNewIncidents();
  useEffect(() => {
    document.title = `${waiting ? `(${waiting}) ` : ""}${page ? `${t(page.title)} · Tangkapin` : "Tangkapin"}`;
  });
  const pages = pagesOf(roleOf(session)).filter((entry) => !entry.hidden && entry.group !== "account");
  const isApp = roleOf(session) === "owner" || roleOf(session) === "police";
  return (
    <div className={`shell${open ? " shell-open" : ""}${isApp ? " shell-app" : ""}`}>
      <a className="skip" href="#main">
        {t("To the content")}
      </a>
      <nav className="rail" aria-label={t("Main")}>
        <Link href="/" className="brand">
          <Mark />
          <span>Tangkapin</span>
        </Link>
        {GROUPS.map((group) => {
          const entries = pages.filter((entry) => entry.group === group);
          if (!entries.length) return null;
          return (
            <div key={group} className="rail-group">
              <h2>{t(GROUP_NAMES[group])}</h2>
              <ul>
                {entries.map((entry) => (
                  <li key={entry.path}>
                    <Link href={entry.path} aria-current={entry === page ? "page" : undefined} title={t(entry.title)} onClick={() => setOpen(false)}>
                      <entry.icon size={18} strokeWidth={1.75} aria-hidden />
                      <span>{t(entry.title)}</span>
                      {entry.path === "/incidents" && waiting > 0 && (
                        <strong className="rail-count">
                          {number(waiting)}
                          <span className="sr-only"> {t("new")}</span>
                        </strong>
                      )}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          );
        })}
        <PluginLinks />
      </nav>
      <button type="button" className="scrim" aria-label={t("Close the menu")} tabIndex={open ? 0 : -1} onClick={() => setOpen(false)} />
      <header className="bar">
        <button type="button" className="icon-button bar-menu" aria-label={t("Menu")} aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? <PanelLeftClose size={20} aria-hidden /> : <Menu size={20} aria-hidden />}
        </button>
        <h1>{page ? t(page.title) : t("Not found")}</h1>
        <Clock />
        <Person />
      </header>
      <div className="bar-notes">
        <Alarms />
        {isApp && (
          <Suspense fallback={null}>
            <Strip />
          </Suspense>
        )}
        {!online && !isApp && (
          <p className="offline" role="status">
            <CloudOff size={16} aria-hidden />
            {t("No network. What you see may be old; nothing can be decided now.")}
          </p>
        )}
      </div>
      <main id="main" className={page?.full ? "main main-full" : "main"} tabIndex={-1}>
        <Boundary key={page?.path}>
          <Suspense fallback={<Loading />}>{children}</Suspense>
        </Boundary>
      </main>
      {isApp && (
        <Suspense fallback={null}>
          <Tabs pages={pages} page={page} />
        </Suspense>
      )}
    </div>
  );
}

export const Mark = ({ size = 26 }: { size?: number }): ReactNode => (
  <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden>
    <path d="M5 11V8a3 3 0 0 1 3-3h3M21 5h3a3 3 0 0 1 3 3v3M27 21v3a3 3 0 0 1-3 3h-3M11 27H8a3 3 0 0 1-3-3v-3" className="mark-frame" />
    <path d="M10 12.5h12M16 12.5V22" className="mark-letter" />
  </svg>
);

function Clock(): ReactNode {
  const now = useNow(1000);
  const { zone } = usePreferences();
  return (
    <p className="clock">
      <span className="clock-date">{moment(now, "date")}</span>
      <time>{moment(now, "time")}</time>
      <span>{zone}</span>
    </p>
  );
}

function Person(): ReactNode {
  const session = useSession();
  const door = useDoor();
  const { language, zone, theme } = usePreferences();
  const menu = useRef<HTMLDivElement>(null);
  const [password, setPassword] = useState(false);
  const { user } = session;
  return (
    <>
      <button type="button" className="person" popoverTarget="person-menu" aria-label={t("{name}: account and display", { name: user.name || user.username })}>
        <UserRound size={18} aria-hidden />
        <span className="person-name">{user.name || user.username}</span>
      </button>
      <div id="person-menu" popover="auto" className="menu" ref={menu}>
        <div className="menu-who">
          <strong>{user.name || user.username}</strong>
          <span className="muted">
            {roleWords(roleOf(session))}
            {user.vendor_code ? ` · ${user.vendor_code}` : ""}
          </span>
          <button type="button" className="icon-button menu-close" aria-label={t("Close")} popoverTarget="person-menu" popoverTargetAction="hide">
            <X size={16} aria-hidden />
          </button>
        </div>
        <div className="menu-row">
          <Globe size={16} aria-hidden />
          <Choice label={t("Language")} value={language} options={[["id", "Indonesia"], ["en", "English"]]} onChange={(value) => setPreferences({ language: value })} />
        </div>
        <div className="menu-row">
          <Sun size={16} aria-hidden />
          <Choice<Zone> label={t("Time zone")} value={zone} options={(Object.keys(ZONES) as Zone[]).map((name) => [name, name] as const)} onChange={(value) => setPreferences({ zone: value })} />
        </div>
        <div className="menu-row">
          {theme === "dark" ? <Moon size={16} aria-hidden /> : <Monitor size={16} aria-hidden />}
          <Choice<Theme>
            label={t("Appearance")}
            value={theme}
            options={[["system", t("Automatic")], ["light", t("Light")], ["dark", t("Dark")]]}
            onChange={(value) => setPreferences({ theme: value })}
          />
        </div>
        <button
          type="button"
          className="menu-item"
          onClick={() => {
            menu.current?.hidePopover();
            setPassword(true);
          }}
        >
          <KeyRound size={16} aria-hidden />
          {t("Change the password")}
        </button>
        <button type="button" className="menu-item" onClick={() => void door.logOut()}>
          <LogOut size={16} aria-hidden />
          {t("Log out")}
        </button>
      </div>
      {password && <Password onClose={() => setPassword(false)} />}
    </>
  );
}
