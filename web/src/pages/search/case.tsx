/** One case: pictures, facts, deadlines, deliveries, and everything that was done with it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { msg, number, t } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { actWords } from "../../ui/codes.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Ago, At, Badge, Button, Facts, Panel, Plate, Sha256, Technical, type Tone } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { useTell } from "../../ui/toast.tsx";
import { Viewer } from "../../ui/viewer.tsx";
import { Strip } from "../review/case.tsx";
import { Hints } from "../review/hints.tsx";
import { type Case, picturesOf } from "../review/queue.ts";
import { reasonWords, said, toneOf } from "../../ui/words.ts";
import type { Params } from "../registry.ts";
import "../review/review.css";
import "./case.css";

const STEPS: Record<string, string> = { validation: msg("Validation"), letter: msg("Letter"), answer: msg("Answer"), payment: msg("Payment") };
const CONDITIONS: Record<string, readonly [string, Tone]> = {
  done: [msg("done"), "ok"], running: [msg("running"), "info"], warn: [msg("half over"), "warn"], overdue: [msg("overdue"), "bad"], expected: [msg("not begun"), "plain"],
};

export default function CasePage({ params }: Params): ReactNode {
  const id = Number(params["id"]);
  useLive("case"); // each look is noted in the audit log: not at every act on any case, only at one on this
  const query = useQuery({ queryKey: ["case", id], queryFn: () => take(api.GET("/api/violations/{violation_id}", { params: { path: { violation_id: id } } })), enabled: Number.isSafeInteger(id) && id > 0 });
  useLive("officers-dashboard", ({ event, data }) => {
    const delivered = data["violations"] as number[] | undefined; // by the worker; what people do by hand names no case
    const isOld = event === "changed" && (data["violation"] === id || (delivered ? delivered.includes(id) : (data["topics"] as string[] | undefined)?.includes("sync")));
    if (isOld) void query.refetch();
  });
  const [shown, setShown] = useState(0);
  const [zoom, setZoom] = useState(1);
  const [compared, setCompared] = useState<number | null>(null);
  if (!query.data) return query.error || !(id > 0) ? <Failure error={query.error ?? new Error(t("There is nothing at this address"))} again={() => void query.refetch()} /> : <Loading />;
  const one = query.data;
  const pictures = picturesOf(one);
  return (
    <div className="case">
      <section className="review-scene case-scene">
        <Viewer picture={pictures[shown]} violation={one.id} alt={t("Picture {n} of case {id}", { n: shown + 1, id: one.id })} zoom={zoom} onZoom={setZoom} />
        <Strip pictures={pictures} violation={one.id} shown={shown} onShow={setShown} />
      </section>
      <Panel title={said("violation", one.violation_type)} aside={<Badge tone={toneOf("status", one.status)}>{said("status", one.status)}</Badge>}>
        <div className="panel-body stack">
          <p className="case-plate"><Plate text={one.plate_number} size="lg" /> {one.corrected && <Plate text={one.plate_read} size="sm" struck />}</p>
          <Facts
            items={[
              [t("Time of offence"), <At at={one.capture_time} />],
              [t("Place"), one.device.location],
              [t("Camera"), `${one.device.name ?? ""} (${one.device.code})`],
              [t("Decided by"), one.verified_by && <>{one.verified_by}, <At at={one.verified_at} /></>],
              [t("Reason"), [reasonWords(one.reason_code), one.note].filter(Boolean).join(": ") || null],
              ...(one.held_reason ? [[t("Held back because"), <>{t("Its time cannot be trusted")}<Technical>{one.held_reason}</Technical></>] as const] : []),
              ...(one.claim ? [[t("In the hands of"), one.claim.name] as const] : []),
              [t("Evidence"), <Hashes one={one} />],
            ]}
          />
          <Hints one={one} compared={compared} onCompare={setCompared} />
          <Acts one={one} />
        </div>
      </Panel>
      <Panel title={t("Deadlines")}>
        <ul className="case-list">
          {one.deadlines.map((step) => (
            <li key={step.step}>
              <span>{t(STEPS[step.step] ?? step.step)}</span>
              <At at={step.due_at} />
              <Badge tone={CONDITIONS[step.condition]?.[1] ?? "plain"}>{t(CONDITIONS[step.condition]?.[0] ?? step.condition)}</Badge>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel title={t("Deliveries")}>
        <ul className="case-list">
          {one.sync.length === 0 && <li className="muted">{t("Nothing is sent before a person approved.")}</li>}
          {one.sync.map((row) => (
            <li key={row.id}>
              <span>{row.sink}{row.reference ? <small className="muted"> {row.reference}</small> : <Technical>{row.last_error}</Technical>}</span>
              <Ago at={row.finished_at ?? row.last_attempt ?? row.created_at} />
              <Badge tone={toneOf("delivery", row.status)}>{said("delivery", row.status)}</Badge>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel title={t("What was done")} className="case-history">
        <ol className="case-list">
          {one.audit.map((act) => (
            <li key={act.id}>
              <span>{actWords(act.action)}</span>
              <span className="muted">{act.actor_name || act.actor_role}</span>
              <At at={act.at} />
            </li>
          ))}
        </ol>
      </Panel>
    </div>
  );
}

function Hashes({ one }: { one: Case }): ReactNode {
  const stored = picturesOf(one).filter((picture) => picture.sha256);
  if (!stored.length) return <span className="muted">{t("There is no picture")}</span>;
  return (
    <ul>
      {stored.map((picture) => (
        <li key={picture.sha256}>
          <Sha256 of={picture.sha256 ?? ""} />{" "}<span className="muted">{picture.size ? `${number(picture.size / 1000, 1)} kB` : ""}</span>
        </li>
      ))}
    </ul>
  );
}

/** What can be done with it here; approving and rejecting belong to the review. */
function Acts({ one }: { one: Case }): ReactNode {
  const [asking, setAsking] = useState<"release" | "reopen" | null>(null);
  return (
    <div className="form-end">
      {one.status === "pending" && <Link href="/review" className="button">{t("Go to the review")}</Link>}
      {one.status === "held" && <Button onClick={() => setAsking("release")}>{t("Release for review")}</Button>}
      {one.status === "refused" && <Button onClick={() => setAsking("reopen")}>{t("Reopen")}</Button>}
      {asking && <Explain one={one} act={asking} onClose={() => setAsking(null)} />}
    </div>
  );
}

function Explain({ one, act, onClose }: { one: Case; act: "release" | "reopen"; onClose(): void }): ReactNode {
  const tell = useTell();
  const queries = useQueryClient();
  const [note, setNote] = useState("");
  const send = useMutation({
    mutationFn: (): Promise<Schemas["ViolationDetail"]> => {
      const order = { params: { path: { violation_id: one.id } }, body: { version: one.version, note } };
      return take(act === "release" ? api.POST("/api/violations/{violation_id}/release", order) : api.POST("/api/violations/{violation_id}/reopen", order));
    },
    onSuccess: () => {
      tell.ok(t("Done. The case is in the review."));
      void queries.invalidateQueries({ queryKey: ["case"] });
      announce("violations");
      onClose();
    },
    onError: (error) => tell.bad(error),
  });
  return (
    <Dialog title={act === "release" ? t("Why can its time be trusted?") : t("What is to be looked at again?")} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); send.mutate(); }}>
        <label className="sr-only" htmlFor="explanation">{t("Reason in your words")}</label>
        <textarea id="explanation" required minLength={3} maxLength={1000} autoFocus value={note} onChange={(event) => setNote(event.target.value)} />
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" busy={send.isPending}>{t("Save")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
