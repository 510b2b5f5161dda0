/** The door: name and password. What cameras see is not shown here. */
import { type ReactNode, useState } from "react";
import { useDoor } from "./api/session.tsx";
import { t } from "./i18n/index.ts";
import { setPreferences, usePreferences } from "./i18n/language.ts";
import { Mark } from "./shell.tsx";
import { Button, Choice, Field } from "./ui/parts.tsx";
import { words } from "./ui/toast.tsx";

export function Login({ expired }: { expired: boolean }): ReactNode {
  const door = useDoor();
  const { language } = usePreferences();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  document.title = `${t("Log in")} · Tangkapin`;
  return (
    <main className="door" id="main">
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
        {expired && !problem && <p className="door-note">{t("Your session has ended. Log in again to go on.")}</p>}
        {problem !== null && <p className="door-note door-bad" role="alert">{words(problem)}</p>}
        <Field label={t("User name")}>
          {(id) => <input id={id} name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus value={username} onChange={(event) => setUsername(event.target.value)} />}
        </Field>
        <Field label={t("Password")}>
          {(id) => <input id={id} name="password" type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />}
        </Field>
        <Button look="main" type="submit" busy={busy}>
          {t("Log in")}
        </Button>
        <Choice label={t("Language")} value={language} options={[["id", "Indonesia"], ["en", "English"]]} onChange={(value) => setPreferences({ language: value })} />
      </form>
    </main>
  );
}
