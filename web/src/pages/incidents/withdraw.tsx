/** Taking an assignment back, with a reason; and who was asked and has not answered. */
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, take } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { announce, useNow } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Button, Field } from "../../ui/parts.tsx";
import { useTell } from "../../ui/toast.tsx";
import type { Report } from "./words.ts";

/** From so many minutes on the officer should call, or send somebody else. */
const LONG_MIN = 3;

export function Unanswered({ since }: { since: string }): ReactNode {
  const minutes = Math.max(0, Math.floor((useNow(5000) - Date.parse(since)) / 60_000));
  return (
    <small>
      <span className={minutes >= LONG_MIN ? "ink-warn" : undefined}>{t("not accepted yet, {n} min", { n: minutes })}</span>
    </small>
  );
}

type Props = { report: number; sent: Report["assignments"][number] };

export function Withdraw({ report, sent }: Props): ReactNode {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <Button onClick={() => setAsked(true)} aria-label={t("Withdraw the assignment of {name}", { name: sent.officer_name })}>
        {t("Withdraw the assignment")}
      </Button>
      {isAsked && <Why report={report} sent={sent} onClose={() => setAsked(false)} />}
    </>
  );
}

function Why({ report, sent, onClose }: Props & { onClose(): void }): ReactNode {
  const tell = useTell();
  const [reason, setReason] = useState("");
  const withdraw = useMutation({
    mutationFn: () => take(api.POST("/api/officer/assign/{report_id}/withdraw", { params: { path: { report_id: report } }, body: { reason: reason.trim(), officer_id: sent.officer_id } })),
    onSuccess: () => {
      tell.ok(t("{name} was told to stop. You can send somebody else.", { name: sent.officer_name }));
      announce("incidents", "units", "overview");
      onClose();
    },
    onError: (error) => {
      tell.bad(error);
      announce("incidents", "units");
    },
  });
  return (
    <Dialog title={t("Withdraw the assignment")} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); if (reason.trim()) withdraw.mutate(); }}>
        <p className="muted">{t("{name} is told to stop at once, and reads the reason. What was done so far stays on record.", { name: sent.officer_name })}</p>
        <Field label={t("Reason")}>
          {(id) => <textarea id={id} required maxLength={500} rows={3} value={reason} onChange={(event) => setReason(event.target.value)} />}
        </Field>
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="bad" type="submit" busy={withdraw.isPending}>{t("Withdraw the assignment")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
