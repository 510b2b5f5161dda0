/** What an officer says of an incident: real, begun, closed, or none; the dialog says who will hear of it. */
import { useMutation } from "@tanstack/react-query";
import { CircleCheck, Megaphone, OctagonX, Play, Send, ShieldCheck } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, ApiProblem, take } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { announce } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Button, Field } from "../../ui/parts.tsx";
import { useTell } from "../../ui/toast.tsx";
import { SendPolice } from "./send.tsx";
import { REASONS, type Report, UNDER_WAY } from "./words.ts";

type Move = "verified" | "in_progress" | "completed" | "rejected";
type Asked = Exclude<Move, "verified"> | "send";

/** The acts that the report's state allows, the next step first. */
export function Acts({ report }: { report: Report }): ReactNode {
  const [asked, setAsked] = useState<Asked | null>(null);
  const verify = useMove(report, () => undefined);
  const { status } = report;
  const close = () => setAsked(null);
  const isVacant = !report.assignments.some((one) => UNDER_WAY.includes(one.status) && !one.is_backup);
  const isWorked = report.assignments.some((one) => one.arrived_at !== null);
  return (
    <div className="incident-acts">
      {(status === "new" || (status === "verified" && !isWorked) || (status === "in_progress" && isVacant)) && (
        <Button look="main" onClick={() => setAsked("send")}>
          <Send size={16} aria-hidden />
          {t("Send police")}
        </Button>
      )}
      {status === "new" && (
        <Button busy={verify.isPending} onClick={() => verify.mutate({ status: "verified" })}>
          <ShieldCheck size={16} aria-hidden />
          {t("It is real")}
        </Button>
      )}
      {(status === "assigned" || status === "in_progress") && !isVacant && (
        <Button onClick={() => setAsked("send")}>
          <Send size={16} aria-hidden />
          {t("Send back-up")}
        </Button>
      )}
      {status === "assigned" && (
        <Button onClick={() => setAsked("in_progress")}>
          <Play size={16} aria-hidden />
          {t("Work has begun")}
        </Button>
      )}
      {["verified", "assigned", "in_progress"].includes(status) && (
        <Button onClick={() => setAsked("completed")}>
          <CircleCheck size={16} aria-hidden />
          {t("Close the case")}
        </Button>
      )}
      {["new", "verified", "assigned", "in_progress"].includes(status) && (
        <Button className="button-warning" onClick={() => setAsked("rejected")}>
          <OctagonX size={16} aria-hidden />
          {status === "new" ? t("Reject") : t("Recall")}
        </Button>
      )}
      {asked === "send" && <SendPolice report={report} backup={!isVacant} onClose={close} />}
      {asked && asked !== "send" && <Decide report={report} to={asked} onClose={close} />}
    </div>
  );
}

type Order = { status: Move; reason_code?: string; note?: string };

function useMove(report: Report, onDone: () => void) {
  const tell = useTell();
  return useMutation({
    mutationFn: ({ status, reason_code = "", note = "" }: Order) =>
      take(
        api.POST("/api/officer/verify/{report_id}", {
          params: { path: { report_id: report.id } },
          body: { status, reason_code, note, reason: "", version: report.version },
        }),
      ),
    onSuccess: (_, { status }) => {
      tell.ok({ verified: t("Checked: it is real."), in_progress: t("The work has begun."), completed: t("The case is closed."), rejected: t("Recalled. Everybody who was told hears of it.") }[status]);
      announce("incidents", "units", "overview");
      onDone();
    },
    onError: (error) => {
      tell.bad(error instanceof ApiProblem && error.status === 412 ? new Error(t("Somebody else was faster. This page shows what they did; look again before you decide.")) : error);
      announce("incidents");
    },
  });
}

function Decide({ report, to, onClose }: { report: Report; to: Exclude<Move, "verified">; onClose(): void }): ReactNode {
  const [code, setCode] = useState("");
  const [note, setNote] = useState("");
  const move = useMove(report, onClose);
  const rejects = to === "rejected";
  const title = rejects ? (report.status === "new" ? t("Reject this incident") : t("Recall this incident")) : to === "completed" ? t("Close the case") : t("Work has begun");
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); move.mutate({ status: to, reason_code: rejects ? code : "", note: note.trim() }); }}>
        {rejects && (
          <fieldset className="reasons">
            <legend className="label">{t("Reason")}</legend>
            {REASONS.map(([value, words], index) => (
              <label key={value} className="check">
                <input type="radio" name="reason" value={value} required checked={code === value} onChange={() => setCode(value)} {...(index === 0 ? { "data-first": true } : {})} />
                {t(words)}
              </label>
            ))}
          </fieldset>
        )}
        <Field label={rejects && code !== "other" ? t("Note (if there is more to say)") : t("Note")}>
          {(id) => <textarea id={id} maxLength={1000} required={rejects && code === "other"} value={note} onChange={(event) => setNote(event.target.value)} />}
        </Field>
        <Hearers report={report} rejects={rejects} closes={to === "completed"} />
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look={rejects ? "bad" : "main"} type="submit" busy={move.isPending}>
            {rejects ? (report.status === "new" ? t("Reject and tell them") : t("Recall and tell them")) : title}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Who hears of it, by name where there is one (core.notices.rules: owner, station, assigned, told). */
function Hearers({ report, rejects, closes }: { report: Report; rejects: boolean; closes: boolean }): ReactNode {
  const sent = report.assignments.filter((one) => UNDER_WAY.includes(one.status));
  return (
    <div className="hearers">
      <h3>
        <Megaphone size={16} aria-hidden />
        {t("Who hears of it")}
      </h3>
      <ul>
        {sent.map((one) => (
          <li key={one.id}>
            <strong>{one.officer_name}</strong>
            <span>{rejects ? t("the app says STOP; nobody drives on") : closes ? t("the assignment ends") : t("sees the new state")}</span>
          </li>
        ))}
        {report.owner.name && (
          <li>
            <strong>{report.owner.name}</strong>
            <span>{t("owner of the camera")}</span>
          </li>
        )}
        <li>
          <strong>{report.station_name ?? t("All officers of the agency")}</strong>
          <span>{t("officers on duty, and every dashboard")}</span>
        </li>
        {rejects && (
          <li>
            <strong>{t("Everybody who was told before")}</strong>
            <span>{t("by the same ways, at once")}</span>
          </li>
        )}
      </ul>
    </div>
  );
}
