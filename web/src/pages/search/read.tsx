/** One reading with its pictures. */
import { type ReactNode, useState } from "react";
import type { Schemas } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { coded } from "../../ui/codes.ts";
import { At, Badge, Facts, Plate, Technical } from "../../ui/parts.tsx";
import { Viewer } from "../../ui/viewer.tsx";
import { said, toneOf, vehicleWords } from "../../ui/words.ts";

export function ReadDialog({ read, purpose, onClose }: { read: Schemas["ReadView"]; purpose: string; onClose(): void }): ReactNode {
  const [zoom, setZoom] = useState(1);
  const pictures = read.pictures.map((picture) => (picture.url ? { ...picture, url: withPurpose(picture.url, purpose) } : picture));
  const shown = pictures.find((picture) => picture.role !== "plate") ?? pictures[0];
  return (
    <Dialog title={t("Read #{id}", { id: read.id })} onClose={onClose} wide>
      <div className="case-pictures">
        <Viewer picture={shown} alt={t("Picture of read {id}", { id: read.id })} zoom={zoom} onZoom={setZoom} />
      </div>
      <Facts
        items={[
          [t("Plate"), <Plate text={read.plate_number} />],
          [t("As the camera wrote it"), <span className="mono">{read.plate_raw ?? "–"}</span>],
          [t("Confidence"), read.confidence == null ? null : `${number(read.confidence, 1)} %`],
          [t("Judged"), <><Badge tone={toneOf("verdict", read.verdict)}>{said("verdict", read.verdict)}</Badge> {read.verdict_reason && coded("judged", read.verdict_reason)}<Technical>{read.verdict_detail}</Technical></>],
          [t("Time"), <At at={read.capture_time} />],
          [t("The camera's own clock"), <span className="mono">{read.capture_time_raw ?? "–"}</span>],
          [t("Received"), <At at={read.received_at} />],
          [t("Camera"), `${read.device.name ?? read.device.code} (${read.device.code})`],
          [t("Vehicle"), vehicleWords(read.vehicle_type, read.vehicle_color, read.vehicle_brand) || null],
        ]}
      />
    </Dialog>
  );
}

function withPurpose(url: string, purpose: string): string {
  const address = new URL(url, location.origin);
  if (purpose) address.searchParams.set("purpose", purpose);
  return address.pathname + address.search;
}
