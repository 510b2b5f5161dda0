/** One device: its figures, a new key, and what to type into its menu. */
import { useMutation } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, type Schemas, take } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { announce } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Ago, At, Badge, Button, Facts, position, Technical } from "../../ui/parts.tsx";
import { useTell } from "../../ui/toast.tsx";
import { said, toneOf } from "../../ui/words.ts";
import { Clock } from "./devices.tsx";
import { KeySteps, Steps } from "./key.tsx";

export function DeviceDialog({ device, admin, onClose }: { device: Schemas["DeviceRow"]; admin: boolean; onClose(): void }): ReactNode {
  const tell = useTell();
  const [sure, setSure] = useState(false);
  const rotate = useMutation({
    mutationFn: () => take(api.POST("/api/devices/{device_id}/key", { params: { path: { device_id: device.id } }, body: { grace_hours: 168 } })),
    onSuccess: () => announce("devices"),
    onError: (error) => tell.bad(error),
  });
  return (
    <Dialog title={device.device_name ?? device.device_code} onClose={onClose} side>
      <Facts
        items={[
          [t("Code"), <span className="mono">{device.device_code}</span>],
          [t("State"), <Badge tone={toneOf("device", device.state)}>{said("device", device.state)}</Badge>],
          [t("Agency"), device.vendor_code],
          [t("Make"), said("maker", device.maker)],
          [t("Place"), device.location],
          [t("Position"), device.latitude == null || device.longitude == null ? null : <span className="mono">{position(device.latitude, device.longitude)}</span>],
          [t("Installed for"), device.purposes.map((purpose) => said("violation", purpose)).join(", ") || null],
          [t("Last heard"), <><Ago at={device.last_seen} /> · <At at={device.last_seen} /></>],
          [t("Last event"), <Ago at={device.last_event} />],
          [t("Last heartbeat"), <Ago at={device.last_heartbeat} />],
          [t("Clock"), <><Clock row={device} /> {said("skew", device.skew_state)}<Technical>{device.skew_note}</Technical></>],
          [t("Events"), number(device.events)],
          [t("Heartbeats"), number(device.heartbeats)],
          [t("Problems"), number(device.problems)],
        ]}
      />
      {admin && !rotate.data && (
        <div className="form-end">
          {sure ? (
            <>
              <p className="muted">{t("The key so far stays good for 7 days; an older one ends at once.")}</p>
              <Button onClick={() => setSure(false)}>{t("Cancel")}</Button>
              <Button look="main" busy={rotate.isPending} onClick={() => rotate.mutate()}>{t("Make a new key")}</Button>
            </>
          ) : (
            <Button onClick={() => setSure(true)}><KeyRound size={16} aria-hidden />{t("New key")}</Button>
          )}
        </div>
      )}
      {rotate.data ? <KeySteps made={rotate.data} /> : <Steps maker={device.maker} />}
    </Dialog>
  );
}
