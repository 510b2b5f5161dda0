/** The door: name and password. What cameras see is not shown here. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useDoor } from "./api/session.tsx";
import { t } from "./i18n/index.ts";
import { setPreferences, usePreferences } from "./i18n/language.ts";
import { Mark } from "./shell.tsx";
import { Button, Choice, Field } from "./ui/parts.tsx";
import { words } from "./ui/toast.tsx";

/** Whoever has not come back by then does not find the page: others have the same desk. */
const KEPT_MS = 15 * 60_000;

export function Login({ expired }: { expired: boolean }): ReactNode {
  document.title = `${t("Log in")} · Tangkapin`;
  return (
    <main className="door" id="main">
      <Door note={expired ? t("Your session has ended. Log in again to go on.") : ""} username="" />
    </main>
  );
}

/** Before the page of somebody whose session ended: it stays as it is, out of sight. */
export function LoginAgain({ username }: { username: string }): ReactNode {
  const { forget } = useDoor();
  const ref = useRef<HTMLDialogElement>(null);
  const open = () => {
    if (!ref.current?.open) ref.current?.showModal();
    ref.current?.querySelector<HTMLElement>("[type=password]")?.focus();
  };
  useEffect(() => {
    open();
    const timer = setTimeout(forget, KEPT_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <dialog ref={ref} className="door door-again" aria-label={t("Log in")} onCancel={(event) => event.preventDefault()} onClose={open}>
      <Door note={t("Your session has ended. Log in again: the page is as you left it.")} username={username} />
    </dialog>
  );
}

function Door({ note, username: known }: { note: string; username: string }): ReactNode {
  const door = useDoor();
  const { language } = usePreferences();
  const [username, setUsername] = useState(known);
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  return (
    <form
      className="door-form form"
      onSubmit={(event) => {
        event.preventDefault();
        setBusy(true);
        setProblem(null);
        door.logIn(username, password).catch((error: unknown) => {
          setProblem(error);
          setBusy(false);
        });
      }}
    >
      <h1 className="door-brand">
        <Mark size={40} />
        Tangkapin
      </h1>
      <p className="muted">{t("Cameras, cases, decisions. Every act here bears your name.")}</p>
      {note && !problem && <p className="door-note">{note}</p>}
      {problem !== null && <p className="door-note door-bad" role="alert">{words(problem)}</p>}
      <Field label={t("User name")}>
        {(id) => <input id={id} name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus={!known} value={username} onChange={(event) => setUsername(event.target.value)} />}
      </Field>
      <Field label={t("Password")}>
        {(id) => <input id={id} name="password" type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />}
      </Field>
      <Button look="main" type="submit" busy={busy}>
        {t("Log in")}
      </Button>
      <Choice label={t("Language")} value={language} options={[["id", "Indonesia"], ["en", "English"]]} onChange={(value) => setPreferences({ language: value })} />
    </form>
  );
}
