/** A report by hand: what happens, where, a picture. Kept on this phone until the server has it. */
import { useQuery } from "@tanstack/react-query";
import { Camera, Images, LocateFixed, Trash2 } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { api, take } from "../../api/client.ts";
import { PickFile } from "../../app/parts.tsx";
import { usePosition } from "../../app/position.tsx";
import { once, useSend } from "../../app/send.ts";
import { called, INCIDENTS } from "../../app/words.ts";
import { number, t } from "../../i18n/index.ts";
import { Button, Choice, Field, Panel } from "../../ui/parts.tsx";
import { useTell } from "../../ui/toast.tsx";

const LONGEST_SIDE = 2_400;

export default function Write(): ReactNode {
  const send = useSend();
  const tell = useTell();
  const [, go] = useLocation();
  const cameras = useQuery({ queryKey: ["cameras", "all"], queryFn: () => take(api.GET("/api/cctv", { params: { query: { limit: 100 } } })) });
  const [camera, setCamera] = useState(new URLSearchParams(useSearch()).get("camera") ?? "");
  const [type, setType] = useState<(typeof INCIDENTS)[number]>("knife");
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  const [location, setLocation] = useState("");
  const [picture, setPicture] = useState<{ data: string; url: string } | null>(null);
  const [locating, setLocating] = useState(false);
  const { fix, problem } = usePosition(locating);
  useEffect(() => () => void (picture && URL.revokeObjectURL(picture.url)), [picture]);
  const pick = (file: File) =>
    void shrink(file).then(
      async (blob) => setPicture({ data: await base64(blob), url: URL.createObjectURL(blob) }),
      () => tell.bad(new Error(t("This file is no picture that can be sent: JPEG or PNG."))),
    );
  return (
    <form
      className="app form"
      onSubmit={(event) => {
        event.preventDefault();
        const place = locating && fix && !camera ? { latitude: fix.at[0], longitude: fix.at[1] } : {};
        void send({
          kind: "report",
          report: null,
          path: "/api/report",
          body: { title: title.trim(), incident_type: type, description: description.trim(), location: location.trim(), cctv_id: camera ? Number(camera) : null, report_image: picture?.data ?? null, client_id: once(), ...place },
        }).then(() => {
          tell.ok(t("The report is on its way to the officers."));
          go("/my-reports");
        });
      }}
    >
      <p className="review-attention">{t("In danger call 110. This report is read by officers, it is not a call.")}</p>
      <Field label={t("What is it")}>
        {() => <Choice<(typeof INCIDENTS)[number]> label={t("What is it")} value={type} options={INCIDENTS.map((code) => [code, called("incident", code)] as const)} onChange={setType} />}
      </Field>
      <Field label={t("In a few words")}>
        {(id) => <input id={id} required minLength={3} maxLength={150} autoComplete="off" value={title} onChange={(event) => setTitle(event.target.value)} />}
      </Field>
      <Panel className="picture">
        {picture ? (
          <>
            <img src={picture.url} alt={t("The picture of the report")} />
            <Button onClick={() => setPicture(null)}><Trash2 size={18} aria-hidden />{t("Take it out")}</Button>
          </>
        ) : (
          <div className="evidence-add">
            <PickFile accept="image/*" camera onFile={pick}><Camera size={20} aria-hidden />{t("Take a picture")}</PickFile>
            <PickFile accept="image/*" onFile={pick}><Images size={20} aria-hidden />{t("From the gallery")}</PickFile>
          </div>
        )}
      </Panel>
      <Field label={t("Camera")} hint={t("Choose one where it happens before a camera of yours.")}>
        {(id, about) => (
          <select id={id} aria-describedby={about} value={camera} onChange={(event) => setCamera(event.target.value)}>
            <option value="">{t("No camera")}</option>
            {cameras.data?.data.map((row) => <option key={row.id} value={row.id}>{row.name}</option>)}
          </select>
        )}
      </Field>
      <Field label={t("Place")}>
        {(id) => <input id={id} maxLength={500} autoComplete="off" value={location} onChange={(event) => setLocation(event.target.value)} />}
      </Field>
      {!camera && (
        <Button onClick={() => setLocating(!locating)} aria-pressed={locating}>
          <LocateFixed size={18} aria-hidden />
          {!locating ? t("Add where I am") : fix ? t("Position goes along (± {n} m)", { n: number(fix.accuracy) }) : problem ? t("Position not known") : t("looking for your position")}
        </Button>
      )}
      <Field label={t("What more should officers know")}>
        {(id) => <textarea id={id} rows={4} maxLength={4000} value={description} onChange={(event) => setDescription(event.target.value)} />}
      </Field>
      <Button look="main" type="submit" className="big">{t("Send the report")}</Button>
    </form>
  );
}

/** As JPEG, no larger than officers need: a phone's picture of 8 MB would not go out where the network is thin. */
async function shrink(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  canvas.getContext("2d")!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
}

async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
