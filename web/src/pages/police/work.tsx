/** One assignment: the way there, what to do next under the thumb, and the line to dispatch. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, ClipboardX, Flag, LifeBuoy, MapPinOff, Navigation, Siren } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ApiProblem, type Schemas, take } from "../../api/client.ts";
import { ahead } from "../../app/field.tsx";
import { far, Map, MapFrame, Shot, State } from "../../app/parts.tsx";
import { metresBetween, usePosition } from "../../app/position.tsx";
import { once, useSend, useWaiting } from "../../app/send.ts";
import { number, t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import type { Mark, Place } from "../../map/map.tsx";
import type { Params } from "../registry.ts";
import { Ago, Button, Choice, Facts, Field, Panel } from "../../ui/parts.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { useTell } from "../../ui/toast.tsx";
import { Chat } from "./chat.tsx";
import { Evidence } from "./evidence.tsx";
import { FinalReport } from "./final.tsx";

type Report = Schemas["PoliceReport"];
type Part = "chat" | "evidence" | "report";
const RINGS = [250, 500, 1000, 2000];
/** iPhones know no geo: addresses. */
const ON_APPLE = /iPhone|iPad/.test(navigator.userAgent);
const ASK_FOR_POSITION = ["accepted", "on_the_way", "arrived"];

export default function Work({ params }: Params): ReactNode {
  useLive("assignments", "reports");
  const id = Number(params["id"]);
  const query = useQuery({ queryKey: ["assignments", id], queryFn: () => take(api.GET("/api/police/report/{report_id}", { params: { path: { report_id: id } } })), refetchInterval: 20_000 });
  const items = useWaiting(query.dataUpdatedAt);
  const [part, setPart] = useState<Part>("chat");
  const isGone = query.error instanceof ApiProblem && query.error.status === 404; // declined, or given to somebody else
  if (isGone)
    return (
      <Empty icon={ClipboardX} title={t("Not your assignment")}>
        {t("It was declined, given back or given to somebody else.")} <Link href="/duty">{t("To your assignments")}</Link>
      </Empty>
    );
  if (!query.data) return query.error ? <Failure error={query.error} again={() => void query.refetch()} /> : <Loading rows={8} />;
  const report = query.data;
  const now = ahead(report.assignment_status, report.app_state, items.filter((item) => item.report === id && !item.refused));
  const isOpen = now.app_state === "ACTIVE" || now.assignment_status === "completed"; // the report is often written afterwards
  return (
    <div className="app app-work">
      <section className="work-head">
        <div className="card-top">
          <State table="incident" code={report.incident_type} />
          <State table="assignment" code={now.assignment_status} />
        </div>
        <h2>{report.title}</h2>
        <p className="muted">
          {report.location || t("Place not named")} · <Ago at={report.created_at} />
        </p>
      </section>
      <Target report={report} wanted={ASK_FOR_POSITION.includes(now.assignment_status)} isOver={now.app_state !== "ACTIVE" && now.app_state !== "OFFERED"} />
      <Steps report={report} status={now.assignment_status} state={now.app_state} />
      <Panel>
        {report.report_image && <Shot address={report.report_image} text={t("Picture of the incident")} className="shot-wide" />}
        <div className="panel-body">
          {report.description && <p className="work-text">{report.description}</p>}
          <Facts items={[[t("Camera"), report.cctv_name], [t("Sent by"), report.assigned_by], [t("Part"), report.is_backup ? t("Back-up") : t("First on the scene")]]} />
        </div>
      </Panel>
      {(isOpen || now.app_state === "DONE") && (
        <Panel className="work-parts">
          <Choice<Part> label={t("Work on the assignment")} value={part} options={[["chat", t("Dispatch")], ["evidence", t("Evidence")], ["report", t("Report")]]} onChange={setPart} />
          {part === "chat" && <Chat report={id} isOpen={isOpen} />}
          {part === "evidence" && <Evidence report={id} isOpen={isOpen} />}
          {part === "report" && <FinalReport report={id} isOpen={isOpen} />}
        </Panel>
      )}
    </div>
  );
}

function Target({ report, wanted, isOver }: { report: Report; wanted: boolean; isOver: boolean }): ReactNode {
  const { fix, problem } = usePosition(wanted);
  const tell = useTell();
  if (report.latitude == null || report.longitude == null)
    return (
      <Panel>
        <p className="app-note app-note-icon">
          <MapPinOff size={20} aria-hidden />
          {t("The report has no position. Ask dispatch for the place.")}
        </p>
      </Panel>
    );
  const at: Place = [report.latitude, report.longitude];
  const degrees = `${at[0].toFixed(5)}, ${at[1].toFixed(5)}`;
  // a phone opens its own map; where there is none, the position is at hand
  const copy = () => void navigator.clipboard?.writeText(degrees).then(() => tell.ok(t("Position copied: {degrees}", { degrees })), () => tell.ok(t("Position: {degrees}", { degrees })));
  const marks: Mark[] = [{ id: "incident", at, kind: "incident", text: report.title }];
  if (fix) marks.push({ id: "me", at: fix.at, kind: "me", text: t("You") });
  const metres = fix ? metresBetween(fix.at, at) : null;
  return (
    <Panel className="work-target">
      <MapFrame>
        <Map label={t("The way to the incident")} marks={marks} lines={fix ? [{ id: "ahead", kind: "ahead", points: [fix.at, at] }] : []} rings={{ at, metres: RINGS }} fit />
      </MapFrame>
      {!isOver && (
        <div className="work-way">
          <p>
            <strong>{far(metres)}</strong>
            <span className="muted">{problem === "denied" ? t("Position not allowed: switch it on for this page") : fix ? `${t("as the crow flies")} · ± ${number(fix.accuracy)} m` : wanted ? t("looking for your position") : t("shown once you accepted")}</span>
          </p>
          <a
            className="button"
            href={ON_APPLE ? `maps://?daddr=${at[0]},${at[1]}` : `geo:${at[0]},${at[1]}?q=${at[0]},${at[1]}`}
            onClick={copy}
          >
            <Navigation size={18} aria-hidden />
            {t("Navigate")}
          </a>
        </div>
      )}
    </Panel>
  );
}

function Steps({ report, status, state }: { report: Report; status: string; state: string }): ReactNode {
  const send = useSend();
  const tell = useTell();
  const [asked, setAsked] = useState<"decline" | "cancel" | "backup" | "emergency" | null>(null);
  const { id } = report;
  const step = (next: "on_the_way" | "arrived" | "completed") => void send({ kind: "status", report: id, path: `/api/police/report/${id}/status`, body: { status: next, client_id: once() } });
  const [, go] = useLocation();
  const answer = (accept: boolean, reason = "") => send({ kind: "answer", report: id, path: `/api/police/report/${id}/answer`, body: { accept, reason } });
  const call = (kind: "backup" | "emergency", body: string) => void send({ kind: "message", report: id, path: `/api/reports/${id}/messages`, body: { kind, body, client_id: once() } });
  if (state === "DONE" || state === "STOP")
    return (
      <p className={`app-note app-note-icon${state === "STOP" || status === "recalled" ? " app-note-bad" : ""}`}>
        <CircleCheck size={20} aria-hidden />
        {status === "recalled" ? t("Called back. Nothing more is to be done here.") : report.withdrawn_by ? t("Withdrawn by {name}: {why}", { name: report.withdrawn_by, why: report.withdraw_reason ?? "" }) : t("This assignment has ended.")}
      </p>
    );
  return (
    <section className="steps" aria-label={t("What to do next")}>
      {status === "offered" && (
        <div className="steps-more">
          <Button className="big" onClick={() => setAsked("decline")}>{t("Decline")}</Button>
          <Button look="main" className="big" onClick={() => void answer(true)}>{t("Accept")}</Button>
        </div>
      )}
      {status === "accepted" && <Button look="main" className="big" onClick={() => step("on_the_way")}><Navigation size={20} aria-hidden />{t("I am on my way")}</Button>}
      {status === "on_the_way" && <Button look="main" className="big" onClick={() => step("arrived")}><Flag size={20} aria-hidden />{t("I have arrived")}</Button>}
      {status === "arrived" && <Button look="main" className="big" onClick={() => step("completed")}><CircleCheck size={20} aria-hidden />{t("Work completed")}</Button>}
      {status !== "offered" && (
        <div className="steps-more">
          <Button className="big" onClick={() => setAsked("backup")}><LifeBuoy size={18} aria-hidden />{t("Back-up")}</Button>
          <Button look="bad" className="big" onClick={() => setAsked("emergency")}><Siren size={18} aria-hidden />{t("Emergency")}</Button>
        </div>
      )}
      {(status === "accepted" || status === "on_the_way") && <Button look="quiet" className="big" onClick={() => setAsked("cancel")}>{t("I cannot go on")}</Button>}
      {asked === "decline" && <Why title={t("Decline the assignment")} label={t("Reason")} needed button={t("Decline")} onClose={() => setAsked(null)} onSay={(reason) => void answer(false, reason).then(() => go("/duty"))} />}
      {asked === "cancel" && (
        <Why title={t("Give the assignment back")} label={t("Reason")} needed button={t("Give back")} onClose={() => setAsked(null)}
          onSay={(description) => void send({ kind: "status", report: id, path: `/api/police/report/${id}/status`, body: { status: "cancelled", description, client_id: once() } }).then(() => go("/duty"))} />
      )}
      {asked === "backup" && <Why title={t("Ask for back-up")} label={t("What is needed")} needed button={t("Ask now")} onClose={() => setAsked(null)} onSay={(text) => { call("backup", text); tell.ok(t("Back-up is being asked for.")); }} />}
      {asked === "emergency" && <Why title={t("Emergency")} hint={t("Rings at dispatch at once, with your last position.")} label={t("What happens (may stay empty)")} button={t("Raise the alarm")} bad onClose={() => setAsked(null)} onSay={(text) => { call("emergency", text || t("Emergency")); tell.ok(t("The alarm is on its way.")); }} />}
    </section>
  );
}

type WhyProps = { title: string; label: string; hint?: string; button: string; needed?: boolean; bad?: boolean; onClose(): void; onSay(text: string): void };

function Why({ title, label, hint, button, needed = false, bad, onClose, onSay }: WhyProps): ReactNode {
  const [text, setText] = useState("");
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          onSay(text.trim());
          onClose();
        }}
      >
        <Field label={label} {...(hint ? { hint } : {})}>
          {(field, about) => <textarea id={field} aria-describedby={about} required={needed} maxLength={500} rows={3} value={text} onChange={(event) => setText(event.target.value)} />}
        </Field>
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look={bad ? "bad" : "main"} type="submit">{button}</Button>
        </div>
      </form>
    </Dialog>
  );
}
