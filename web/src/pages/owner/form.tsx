/** A camera to add or to change. What is left out of a change stays as it is. */
import { useMutation } from "@tanstack/react-query";
import { LocateFixed } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, ApiProblem, type Schemas, take } from "../../api/client.ts";
import { usePosition } from "../../app/position.tsx";
import { called } from "../../app/words.ts";
import { t } from "../../i18n/index.ts";
import { announce } from "../../live/live.ts";
import { Button, Field } from "../../ui/parts.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { useTell, words } from "../../ui/toast.tsx";

type Fields = { name: string; location: string; description: string; stream_url: string; latitude: string; longitude: string; status: string };
const KINDS = { rtsp: "RTSP", mjpeg: "MJPEG", snapshot: "JPEG" } as const;
type Kind = keyof typeof KINDS;

export function CameraForm({ camera, onClose }: { camera?: Schemas["CctvDetail"]; onClose(): void }): ReactNode {
  const tell = useTell();
  const before: Fields = {
    name: camera?.name ?? "", location: camera?.location ?? "", description: camera?.description ?? "", stream_url: camera?.stream_url ?? "",
    latitude: camera?.latitude?.toString() ?? "", longitude: camera?.longitude?.toString() ?? "", status: camera?.status === "offline" ? "online" : (camera?.status ?? "online"),
  };
  const [fields, setFields] = useState(before);
  const [kind, setKind] = useState<Kind | "">("");
  const [locating, setLocating] = useState(false);
  const { fix, problem: noFix } = usePosition(locating);
  const set = (name: keyof Fields) => (event: { target: { value: string } }) => setFields((all) => ({ ...all, [name]: event.target.value }));
  const degrees = (text: string) => (text.trim() ? Number(text.replace(",", ".")) : null);
  const save = useMutation({
    mutationFn: () => {
      const place = { latitude: degrees(fields.latitude), longitude: degrees(fields.longitude) };
      const { name, location, description } = fields;
      const stream = { stream_url: fields.stream_url.trim() || null, ...(kind ? { stream_kind: kind } : {}) };
      if (!camera) return take(api.POST("/api/cctv", { body: { name, location, description, IP: "", camera_type: "", ...place, ...stream } }));
      const moved = fields.stream_url !== before.stream_url || kind ? stream : {};
      const status = fields.status !== before.status ? { status: fields.status as "online" | "inactive" | "maintenance" } : {};
      return take(api.PATCH("/api/cctv/{cctv_id}", { params: { path: { cctv_id: camera.id } }, body: { name, location, description, ...place, ...moved, ...status } }));
    },
    onSuccess: () => {
      announce("cameras");
      tell.ok(camera ? t("The camera is changed.") : t("The camera is added. Its picture comes once the operator approved its address."));
      onClose();
    },
  });
  const wrong = save.error instanceof ApiProblem ? save.error : null;
  const text = (name: keyof Fields, label: string, more: Record<string, unknown> = {}, hint?: string) => (
    <Field label={label} {...(hint ? { hint } : {})} error={wrong?.field(name)}>
      {(id, about) => <input id={id} aria-describedby={about} autoComplete="off" maxLength={500} value={fields[name]} onChange={set(name)} {...more} />}
    </Field>
  );
  return (
    <Dialog title={camera ? t("Change the camera") : t("Add a camera")} onClose={onClose} side>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {text("name", t("Name"), { required: true, maxLength: 100 })}
        {text("location", t("Place"), {}, t("As police would find it: street, number, floor."))}
        {text("description", t("Description"), { maxLength: 2000 })}
        {text("stream_url", t("Address of the stream"), { type: "url", inputMode: "url", spellCheck: false, maxLength: 1000, placeholder: "rtsp://user:password@192.0.2.10/stream" }, t("User and password in it are kept sealed and never shown again. A new address waits for the operator's approval."))}
        <Field label={t("Kind of stream")}>
          {(id) => (
            <select id={id} value={kind} onChange={(event) => setKind(event.target.value as Kind | "")}>
              <option value="">{t("Find out by the address")}</option>
              {(Object.keys(KINDS) as Kind[]).map((one) => <option key={one} value={one}>{KINDS[one]}</option>)}
            </select>
          )}
        </Field>
        {camera && (
          <Field label={t("State")}>
            {(id) => (
              <select id={id} value={fields.status} onChange={set("status")}>
                <option value="online">{t("Watched")}</option>
                <option value="maintenance">{called("camera", "maintenance")}</option>
                <option value="inactive">{called("camera", "inactive")}</option>
              </select>
            )}
          </Field>
        )}
        <div className="pair">
          {text("latitude", t("Latitude"), { inputMode: "decimal", placeholder: "-6.2000", pattern: "-?[0-9]+([.,][0-9]+)?" })}
          {text("longitude", t("Longitude"), { inputMode: "decimal", placeholder: "106.8167", pattern: "-?[0-9]+([.,][0-9]+)?" })}
        </div>
        <Button
          onClick={() => {
            setLocating(true);
            if (!locating || !fix) return; // what is known from before may be another place
            setFields((all) => ({ ...all, latitude: fix.at[0].toFixed(5), longitude: fix.at[1].toFixed(5) }));
            tell.ok(t("Position taken."));
          }}
        >
          <LocateFixed size={18} aria-hidden />
          {!locating ? t("I stand beside the camera") : fix ? t("Take this position (± {n} m)", { n: Math.round(fix.accuracy) }) : noFix ? t("Position not known") : t("looking for your position")}
        </Button>
        {save.error && !wrong?.members["errors"] && <p className="field-error" role="alert">{words(save.error)}</p>}
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" busy={save.isPending}>{camera ? t("Save") : t("Add")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
