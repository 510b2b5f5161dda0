/** A new password for the person at the page. */
import { type ReactNode, useState } from "react";
import { ApiProblem } from "./api/client.ts";
import { useDoor } from "./api/session.tsx";
import { t } from "./i18n/index.ts";
import { Dialog } from "./ui/dialog.tsx";
import { Button, Field } from "./ui/parts.tsx";
import { useTell, words } from "./ui/toast.tsx";

export function Password({ onClose }: { onClose(): void }): ReactNode {
  const door = useDoor();
  const tell = useTell();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const wrong = problem instanceof ApiProblem ? problem : null;
  return (
    <Dialog title={t("Change the password")} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          door
            .changePassword(current, next)
            .then(() => {
              tell.ok(t("Password changed. Everywhere else you are logged out."));
              onClose();
            })
            .catch(setProblem)
            .finally(() => setBusy(false));
        }}
      >
        <Field label={t("Current password")} error={wrong?.field("current_password")}>
          {(id, about) => <input id={id} aria-describedby={about} type="password" autoComplete="current-password" required value={current} onChange={(event) => setCurrent(event.target.value)} />}
        </Field>
        <Field label={t("New password")} hint={t("At least 10 characters; a sentence is good.")} error={wrong?.field("new_password")}>
          {(id, about) => <input id={id} aria-describedby={about} type="password" autoComplete="new-password" required value={next} onChange={(event) => setNext(event.target.value)} />}
        </Field>
        {problem !== null && !wrong?.members["errors"] && <p className="field-error" role="alert">{words(problem)}</p>}
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" busy={busy}>{t("Change")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
