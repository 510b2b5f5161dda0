/** Why the plate may be a forged one: other passages of it that one vehicle does not explain. */
import { CopyX } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Schemas } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { span } from "../../i18n/time.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { At, Badge } from "../../ui/parts.tsx";
import { Thumb, Viewer } from "../../ui/viewer.tsx";
import { said, vehicleWords } from "../../ui/words.ts";
import { type Case, picturesOf } from "./queue.ts";

type Hint = Schemas["PlateHint"];

type Props = { one: Case; compared: number | null; onCompare(index: number | null): void };

export function Hints({ one, compared, onCompare }: Props): ReactNode {
  const { hints } = one;
  const there = compared === null ? undefined : hints[compared];
  if (!hints.length) return null;
  return (
    <section className="review-hints" aria-label={t("May be a forged plate")}>
      <p className="review-attention">
        <CopyX size={16} aria-hidden />
        {t("May be a forged plate: compare the vehicles")}
      </p>
      <ul>
        {hints.map((hint, index) => (
          <li key={hint.passage_id}>
            <button type="button" aria-label={t("Compare the vehicles")} onClick={() => onCompare(index)}>
              <Thumb picture={hint.picture ?? undefined} violation={one.id} alt="" />
            </button>
            <div>
              <p>{whereAndWhen(hint)}</p>
              {hint.speed_kmh !== null && <p>{t("{km} km away: needs {v} km/h or more", { km: number((hint.distance_m ?? 0) / 1000, 1), v: number(hint.speed_kmh) })}</p>}
              {hint.signs.includes("unlike_vehicle") && <p>{t("Another kind of vehicle: {vehicle}", { vehicle: vehicleWords(hint.vehicle_type, hint.vehicle_color) })}</p>}
              <p className="muted">
                <At at={hint.at} shape="short" />
                {!hint.signs.includes("unlike_vehicle") && vehicleWords(hint.vehicle_type, hint.vehicle_color)}
                {hint.confidence !== null && <span>{`${number(hint.confidence)} %`}</span>}
                {hint.verdict !== "accept" && <Badge tone="warn">{said("verdict", hint.verdict)}</Badge>}
              </p>
            </div>
          </li>
        ))}
      </ul>
      {there && (
        <Dialog title={t("Compare the vehicles")} onClose={() => onCompare(null)} wide>
          <div className="review-compare">
            <Side words={one.device.location || one.device.name || one.device.code} at={one.capture_time} picture={picturesOf(one)[0]} violation={one.id} />
            <Side words={whereAndWhen(there)} at={there.at} picture={there.picture ?? undefined} violation={one.id} />
          </div>
        </Dialog>
      )}
    </section>
  );
}

function Side({ words, at, picture, violation }: { words: string; at: string; picture: Schemas["Picture"] | undefined; violation: number }): ReactNode {
  const [zoom, setZoom] = useState(1);
  return (
    <figure>
      <Viewer picture={picture} violation={violation} alt={words} zoom={zoom} onZoom={setZoom} />
      <figcaption>
        {words} <At at={at} />
      </figcaption>
    </figure>
  );
}

function whereAndWhen({ device, gap_s }: Hint): string {
  const place = device.location || device.name || device.code;
  if (Math.abs(gap_s) < 1) return t("Also read at {place} in the same second", { place });
  return gap_s < 0 ? t("Also read at {place}, {span} before", { place, span: span(gap_s) }) : t("Also read at {place}, {span} after", { place, span: span(gap_s) });
}
