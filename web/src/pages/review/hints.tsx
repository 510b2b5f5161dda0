/** Why the plate may be a forged one: other passages of it that one vehicle does not explain. */
import { CopyX } from "lucide-react";
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { span } from "../../i18n/time.ts";
import { At, Badge } from "../../ui/parts.tsx";
import { Thumb } from "../../ui/viewer.tsx";
import { said, vehicleWords } from "../../ui/words.ts";

type Hint = Schemas["PlateHint"];

export function Hints({ hints, violation }: { hints: Hint[]; violation: number }): ReactNode {
  if (!hints.length) return null;
  return (
    <section className="review-hints" aria-label={t("May be a forged plate")}>
      <p className="review-attention">
        <CopyX size={16} aria-hidden />
        {t("May be a forged plate: compare the vehicles")}
      </p>
      <ul>
        {hints.map((hint) => (
          <li key={hint.passage_id}>
            <Thumb picture={hint.picture ?? undefined} violation={violation} alt={t("The vehicle there")} />
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
    </section>
  );
}

function whereAndWhen({ device, gap_s }: Hint): string {
  const place = device.location || device.name || device.code;
  return gap_s < 0 ? t("Also read at {place}, {span} before", { place, span: span(gap_s) }) : t("Also read at {place}, {span} after", { place, span: span(gap_s) });
}
