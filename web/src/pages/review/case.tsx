/** What is known of the case in hand: the plate as read and as seen, the facts, the other cases and readings. */
import { Pencil } from "lucide-react";
import { type ReactNode, useState } from "react";
import { ApiProblem, type Schemas } from "../../api/client.ts";
import { number, t, tn } from "../../i18n/index.ts";
import { coded } from "../../ui/codes.ts";
import { At, Badge, Button, Facts, Plate, spaced, Technical } from "../../ui/parts.tsx";
import { words } from "../../ui/toast.tsx";
import { Thumb } from "../../ui/viewer.tsx";
import { said, toneOf, vehicleWords } from "../../ui/words.ts";
import { Hints } from "./hints.tsx";
import type { Case } from "./queue.ts";

type Props = {
  one: Case; correcting: boolean; onCorrect(): void; onDone(): void; correct(plate: string): Promise<void>;
  compared: number | null; onCompare(index: number | null): void;
};

export function CaseFacts({ one, correcting, onCorrect, onDone, correct, compared, onCompare }: Props): ReactNode {
  const best = one.reads.reduce<Schemas["ReadView"] | undefined>((a, b) => ((b.confidence ?? 0) > (a?.confidence ?? -1) ? b : a), undefined);
  const crop = best?.pictures.find((picture) => picture.role === "plate");
  const others = one.passage?.violations.filter((id) => id !== one.id) ?? [];
  return (
    <>
      <div className="review-plate">
        <Thumb picture={crop} violation={one.id} alt={t("The plate as the camera saw it")} />
        {correcting ? (
          <Correct key={one.id} now={one.plate_number ?? ""} suggestions={one.suggestions} correct={correct} onDone={onDone} />
        ) : (
          <button type="button" className="review-plate-text" onClick={onCorrect} title={t("Correct plate")}>
            <Plate text={one.plate_number} size="lg" />
            <Pencil size={16} aria-hidden />
          </button>
        )}
        <p className="muted">
          {one.corrected ? (
            <>
              {t("Corrected; the camera read")} <Plate text={one.plate_read} size="sm" struck />
            </>
          ) : best?.confidence != null ? (
            t("Read with {n} % confidence", { n: number(best.confidence, 1) })
          ) : (
            t("The camera gave no confidence")
          )}
        </p>
        {!correcting && one.suggestions.length > 0 && (
          <p className="review-suggestions">
            {t("May be")} {one.suggestions.map((plate) => <Plate key={plate} text={plate} size="sm" />)}
          </p>
        )}
      </div>
      <Hints one={one} compared={compared} onCompare={onCompare} />
      {others.length > 0 && (
        <p className="review-also">
          <Badge tone="info">{tn("{n} more case of this passage comes next", "{n} more cases of this passage come next", others.length)}</Badge>
        </p>
      )}
      <Facts items={factsOf(one, best)} />
      {one.reads.length > 1 && (
        <details className="review-reads">
          <summary>{tn("{n} reading of this passage", "{n} readings of this passage", one.reads.length)}</summary>
          <ul>
            {one.reads.map((read) => (
              <li key={read.id}>
                <At at={read.capture_time} shape="time" />
                <Plate text={read.plate_number} size="sm" />
                <span>{read.confidence == null ? "–" : `${number(read.confidence, 0)} %`}</span>
                <Badge tone={toneOf("verdict", read.verdict)}>{said("verdict", read.verdict)}</Badge>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** Details of a rule that stand on lines of their own. */
const SHOWN_ELSEWHERE = /limit_kmh$|^(lane_no|speed_kmh|limit_of|zone|date)$/;

function factsOf(one: Case, best: Schemas["ReadView"] | undefined): (readonly [string, ReactNode])[] {
  const passage = one.passage;
  const speed = passage?.speed_kmh ?? best?.speed_kmh;
  const limit = one.detail["limit_kmh"] ?? one.detail["speed_limit_kmh"];
  const vehicle = vehicleWords(passage?.vehicle_type, passage?.vehicle_color, best?.vehicle_brand);
  return [
    ...(best?.verdict_reason ? [[t("Judged"), <>{coded("judged", best.verdict_reason)}<Technical>{best.verdict_detail}</Technical></>] as const] : []),
    ...(one.plate_region ? [[t("Plate issued in"), one.plate_region] as const] : []),
    [t("Time of offence"), <At at={one.capture_time} />],
    [t("Place"), one.device.location],
    [t("Camera"), <>{one.device.name ?? one.device.code} <span className="muted mono">{one.device.code}</span></>],
    [t("Lane, direction"), [passage?.lane_no, passage?.direction && passage.direction !== "unknown" && said("direction", passage.direction)].filter(Boolean).join(", ") || null],
    [t("Vehicle"), vehicle || null],
    ...(speed != null ? [[t("Speed"), typeof limit === "number" ? t("{v} km/h where {limit} are allowed", { v: number(speed), limit: number(limit) }) : t("{v} km/h", { v: number(speed) })] as const] : []),
    ...Object.entries(one.detail)
      .filter(([name, value]) => !SHOWN_ELSEWHERE.test(name) && (typeof value === "string" || typeof value === "number" || value === true))
      .slice(0, 6)
      .map(([name, value]) => [said("detail", name), value === true ? t("yes") : said("detail", String(value))] as const),
    ...(best?.capture_time_raw ? [[t("The camera's own clock"), <span className="mono">{best.capture_time_raw}</span>] as const] : []),
    [t("Agency"), one.vendor_code],
  ];
}

function Correct({ now, suggestions, correct, onDone }: { now: string; suggestions: string[]; correct(plate: string): Promise<void>; onDone(): void }): ReactNode {
  const [text, setText] = useState(spaced(now));
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  return (
    <form
      className="review-correct"
      onSubmit={(event) => {
        event.preventDefault();
        setBusy(true);
        correct(text)
          .then(onDone)
          .catch((error: unknown) => setProblem((error instanceof ApiProblem && error.field("plate_number")) || words(error)))
          .finally(() => setBusy(false));
      }}
      onKeyDown={(event) => event.key === "Escape" && onDone()}
    >
      <label className="sr-only" htmlFor="plate-seen">{t("The plate as you read it")}</label>
      <input
        id="plate-seen"
        className="plate plate-lg"
        autoFocus
        autoCapitalize="characters"
        autoComplete="off"
        spellCheck={false}
        maxLength={14}
        value={text}
        onFocus={(event) => event.target.select()}
        onChange={(event) => setText(event.target.value.toUpperCase())}
      />
      {suggestions.length > 0 && (
        <p className="review-suggestions">
          {t("May be")} {suggestions.map((plate) => <Button key={plate} onClick={() => setText(spaced(plate))}>{spaced(plate)}</Button>)}
        </p>
      )}
      {problem && <p className="field-error" role="alert">{problem}</p>}
      <div className="form-end">
        <Button onClick={onDone}>{t("Cancel")}</Button>
        <Button look="main" type="submit" busy={busy}>{t("Save")}</Button>
      </div>
    </form>
  );
}

/** The other pictures of the passage, to be put large. */
export function Strip({ pictures, violation, shown, onShow }: { pictures: Schemas["Picture"][]; violation: number; shown: number; onShow(index: number): void }): ReactNode {
  if (pictures.length < 2) return null;
  return (
    <ul className="review-strip">
      {pictures.map((picture, index) => (
        <li key={picture.sha256 ?? index}>
          <button type="button" aria-pressed={index === shown} aria-label={t("Picture {n}", { n: index + 1 })} onClick={() => onShow(index)}>
            <Thumb picture={picture} violation={violation} alt="" />
          </button>
        </li>
      ))}
    </ul>
  );
}
