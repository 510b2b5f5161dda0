/** The review of violations: one large picture, the plate beside it, every act a key. */
import { AlertTriangle, CheckCheck, Clock, Keyboard, Lock } from "lucide-react";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { t, tn } from "../../i18n/index.ts";
import { moment, span } from "../../i18n/time.ts";
import { useNow, useOnline } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { coded } from "../../ui/codes.ts";
import { Badge, Button, Key, Plate } from "../../ui/parts.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { useTell } from "../../ui/toast.tsx";
import { Viewer, ZOOMS } from "../../ui/viewer.tsx";
import { reasonWords, REASONS, said } from "../../ui/words.ts";
import { CaseFacts, Strip } from "./case.tsx";
import { type Act, type Desk, type Done, picturesOf, type Reason, UNDO_MS, useDesk } from "./queue.ts";
import "./review.css";

/** Of REASONS, in their order. */
const REASON_KEYS = [..."1234567890F"];

type Mode = "look" | "reject" | "note" | "correct" | "help";

export default function Review(): ReactNode {
  const tell = useTell();
  const online = useOnline();
  const desk = useDesk({
    onRefused(one, error) {
      tell.bad(error);
      tell.bad(t("Case {id} is not decided.", { id: one.id }));
    },
    onTaken: (one) => tell.bad(new Error(t("{name} took case {id} over.", { id: one.id, name: one.claim?.name ?? one.verified_by ?? t("A colleague") }))),
  });
  const [mode, setMode] = useState<Mode>("look");
  const [shown, setShown] = useState(0);
  const [zoom, setZoom] = useState(1);
  const [compared, setCompared] = useState<number | null>(null);
  const one = desk.hand;
  const pictures = one ? picturesOf(one) : [];

  useEffect(() => {
    setShown(0);
    setZoom(1);
    setCompared(null);
    setMode("look");
  }, [one?.id]);

  const decide = (act: Act) => {
    if (!online) tell.bad(t("No network: nothing can be decided now."));
    else if (act.kind === "approve" && one && !one.plate_number) tell.bad(t("There is no plate: correct it first, or reject."));
    else desk.decide(act);
  };
  const undo = () => {
    desk.undo().then(
      (done) => (done ? tell.ok(t("Taken back. The case is in your hand again.")) : tell.bad(t("There is nothing that can be taken back."))),
      (error: unknown) => tell.bad(error),
    );
  };
  const keys: Record<string, () => void> = {
    a: () => decide({ kind: "approve" }),
    r: () => setMode("reject"),
    c: () => setMode("correct"),
    s: () => desk.skip(),
    u: undo,
    z: () => setZoom((now) => ZOOMS[(ZOOMS.findIndex((step) => step >= now) + 1) % ZOOMS.length] ?? 1),
    "+": () => setZoom((now) => Math.min(8, now * 1.5)),
    "-": () => setZoom((now) => Math.max(1, now / 1.5)),
    "]": () => setShown((now) => (pictures.length ? (now + 1) % pictures.length : 0)),
    "[": () => setShown((now) => (pictures.length ? (now + pictures.length - 1) % pictures.length : 0)),
    b: () => setCompared(one?.hints.length ? 0 : null),
    "?": () => setMode("help"),
  };
  useKeys(mode === "look", (key) => {
    const act = one || key === "u" || key === "?" ? keys[key] : undefined;
    act?.();
    return act !== undefined;
  });

  if (!one) return <Nothing desk={desk} undo={undo} />;
  return (
    <div className="review">
      <section className="review-scene" aria-label={t("Pictures")}>
        <Viewer picture={pictures[shown]} violation={one.id} alt={t("Picture {n} of case {id}", { n: shown + 1, id: one.id })} zoom={zoom} onZoom={setZoom} />
        <div className="review-over">
          <span>{t("{device} · {time}", { device: one.device.name ?? one.device.code, time: moment(one.capture_time) })}</span>
          {zoom > 1 && <span>{zoom.toFixed(1)}×</span>}
        </div>
        <Strip pictures={pictures} violation={one.id} shown={shown} onShow={setShown} />
      </section>
      <aside className="review-side" aria-label={t("Case")}>
        <header className="review-head">
          <h2>{said("violation", one.violation_type)}</h2>
          <span className="muted mono">#{one.id}</span>
          <Timers due={one.due_at} warn={one.warn_at} until={one.claim?.until} />
        </header>
        {one.attention.map((reason) => (
          <p key={reason} className="review-attention">
            <AlertTriangle size={16} aria-hidden />
            {coded("judged", reason)}
          </p>
        ))}
        <CaseFacts one={one} correcting={mode === "correct"} onCorrect={() => setMode("correct")} onDone={() => setMode("look")} correct={desk.correct} compared={compared} onCompare={setCompared} />
      </aside>
      <footer className="review-acts">
        <Button look="main" hotkey="A" onClick={() => decide({ kind: "approve" })}>{t("Approve")}</Button>
        <Button look="bad" hotkey="R" onClick={() => setMode("reject")}>{t("Reject")}</Button>
        <Button hotkey="C" onClick={() => setMode("correct")}>{t("Correct plate")}</Button>
        <Button hotkey="S" onClick={() => desk.skip()}>{t("Skip")}</Button>
        <Last done={desk.done} undo={undo} />
        <Button look="quiet" hotkey="?" onClick={() => setMode("help")}>
          <Keyboard size={18} aria-hidden />
          <span className="sr-only">{t("Keys")}</span>
        </Button>
      </footer>
      {(mode === "reject" || mode === "note") && (
        <Reject
          note={mode === "note"}
          onNote={() => setMode("note")}
          onClose={() => setMode("look")}
          onReject={(reason, note) => {
            setMode("look");
            decide({ kind: "reject", reason, note });
          }}
        />
      )}
      {mode === "help" && <Help onClose={() => setMode("look")} />}
    </div>
  );
}

/** Single keys, while nobody types and no dialog is open. */
function useKeys(active: boolean, act: (key: string) => boolean): void {
  const latest = useRef(act);
  latest.current = act;
  // Before anything is painted: what can be seen can be acted on.
  useLayoutEffect(() => {
    if (!active) return;
    const listener = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (target.closest("input, textarea, select, dialog, [popover]") || document.querySelector("dialog:modal")) return;
      if (latest.current(event.key.toLowerCase())) event.preventDefault();
    };
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, [active]);
}

function Timers({ due, warn, until }: { due: string; warn: string; until: string | undefined }): ReactNode {
  const now = useNow(1000);
  const left = (Date.parse(due) - now) / 1000;
  const held = until ? (Date.parse(until) - now) / 1000 : 0;
  return (
    <div className="review-timers">
      <Badge tone={left < 0 ? "bad" : now > Date.parse(warn) ? "warn" : "plain"} title={moment(due)}>
        <Clock size={13} aria-hidden />
        {left < 0 ? t("overdue by {span}", { span: span(left) }) : t("due in {span}", { span: span(left) })}
      </Badge>
      {held > 0 && (
        <Badge tone={held < 60 ? "warn" : "plain"} title={t("Until then nobody else is given this case")}>
          <Lock size={13} aria-hidden />
          {t("yours for {span}", { span: span(held) })}
        </Badge>
      )}
    </div>
  );
}

function Last({ done, undo }: { done: Done[]; undo(): void }): ReactNode {
  const now = useNow(250);
  const last = done.find((one) => one.state !== "undone");
  const left = last ? UNDO_MS - (now - last.at) : 0;
  const count = done.filter((one) => one.state === "done" || one.state === "sending").length;
  return (
    <div className="review-last">
      <span className="muted">{tn("{n} decided", "{n} decided", count)}</span>
      {last && left > 0 && last.state !== "failed" && (
        <>
          <span className="review-last-what">
            <Plate text={last.case.plate_number} size="sm" />
            {last.act.kind === "approve" ? t("approved") : t("rejected: {reason}", { reason: reasonWords(last.act.reason) })}
          </span>
          <Button hotkey="U" onClick={undo}>
            {t("Undo ({n} s)", { n: Math.ceil(left / 1000) })}
          </Button>
        </>
      )}
    </div>
  );
}

function Reject({ note, onNote, onClose, onReject }: { note: boolean; onNote(): void; onClose(): void; onReject(reason: Reason, note: string): void }): ReactNode {
  const [text, setText] = useState("");
  const choose = (index: number) => {
    const code = REASONS[index]?.[0];
    if (code === "other") onNote();
    else if (code) onReject(code as Reason, "");
  };
  return (
    <Dialog
      title={t("Why is it no violation?")}
      onClose={onClose}
      onKeyDown={(event) => {
        const index = REASON_KEYS.indexOf(event.key.toUpperCase());
        if (note || index < 0) return;
        event.preventDefault();
        choose(index);
      }}
    >
      {note ? (
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            if (text.trim()) onReject("other", text.trim());
          }}
        >
          <label className="label" htmlFor="reject-note">{t("Reason in your words")}</label>
          <textarea id="reject-note" autoFocus required value={text} onChange={(event) => setText(event.target.value)} />
          <div className="form-end">
            <Button onClick={onClose}>{t("Cancel")}</Button>
            <Button look="bad" type="submit">{t("Reject")}</Button>
          </div>
        </form>
      ) : (
        <ol className="reasons">
          {REASONS.map(([code, words], index) => (
            <li key={code}>
              <button type="button" data-first={index === 0 || undefined} onClick={() => choose(index)}>
                <Key>{REASON_KEYS[index]}</Key>
                {t(words)}
              </button>
            </li>
          ))}
        </ol>
      )}
    </Dialog>
  );
}

function Help({ onClose }: { onClose(): void }): ReactNode {
  const rows = [
    ["A", t("Approve")], ["R", t("Reject, then 1 to 9, 0 or F for the reason")], ["C", t("Correct the plate, Enter saves")], ["S", t("Skip: the case goes back to the queue")],
    ["U", t("Take the last decision back, within 10 s")], ["Z", t("Enlarge, step by step; + and - as well, and the wheel")], ["[ ]", t("The other pictures of the passage")], ["B", t("Compare with the vehicle that bears the same plate elsewhere")], ["?", t("This list")],
  ] as const;
  return (
    <Dialog title={t("Keys")} onClose={onClose}>
      <dl className="keys">
        {rows.map(([key, words]) => (
          <div key={key}>
            <dt><Key>{key}</Key></dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function Nothing({ desk, undo }: { desk: Desk; undo(): void }): ReactNode {
  if (desk.error) return <Failure error={desk.error} again={desk.again} />;
  if (!desk.dry) return <Loading rows={8} />;
  return (
    <div className="review-empty">
      <Empty icon={CheckCheck} title={t("Nothing waits for a decision")}>
        {t("New cases appear here by themselves.")}
      </Empty>
      {desk.done.length > 0 && <Last done={desk.done} undo={undo} />}
    </div>
  );
}
