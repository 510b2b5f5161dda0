/** What is known of an incident by pictures: original beside annotated, both enlarged together; hash and custody. */
import { useMutation } from "@tanstack/react-query";
import { BadgeCheck, Download, FileText, Film, Paperclip, ShieldAlert, ZoomIn } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { api, type Schemas, take } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { announce } from "../../live/live.ts";
import { At, Badge, Button, Choice, Facts, Sha256 } from "../../ui/parts.tsx";
import type { Picture } from "../../ui/pictures.ts";
import { useTell } from "../../ui/toast.tsx";
import { Thumb, Viewer, ZOOMS } from "../../ui/viewer.tsx";
import { told } from "./words.ts";

type Piece = Schemas["EvidenceRow"];
/** A frame with what the detector drew into it, or one piece that people brought. */
type Item = { key: number; main: Piece; original?: Piece };
type Look = "both" | "annotated" | "original";

/** The server's own address of a picture, without its host: pages speak to their own origin only. */
export function localAddress(address: string): string {
  const url = new URL(address, location.origin);
  return url.pathname + url.search;
}

export function pictureOf(address: string | null, piece?: Piece): Picture {
  if (!address) return { role: "", state: "missing" };
  const sha256 = piece?.sha256 ?? /\/media\/([0-9a-f]{64})/.exec(address)?.[1] ?? null;
  return { role: piece?.role ?? "", state: "stored", url: localAddress(address), sha256 };
}

function itemsOf(pieces: readonly Piece[]): Item[] {
  const frames = new Map(pieces.filter((one) => one.role === "frame").map((one) => [one.sha256, one]));
  const items: Item[] = [];
  for (const piece of pieces) {
    if (piece.role === "annotated") {
      const original = frames.get(String(piece.detail["original"] ?? ""));
      if (original) frames.delete(original.sha256);
      items.push({ key: piece.id, main: piece, ...(original ? { original } : {}) });
    } else if (piece.role !== "frame") items.push({ key: piece.id, main: piece });
  }
  return [...items, ...[...frames.values()].map((main) => ({ key: main.id, main }))].sort((a, b) => a.key - b.key);
}

export function Evidence({ reportId, pieces }: { reportId: number; pieces: readonly Piece[] }): ReactNode {
  const items = itemsOf(pieces);
  const [chosen, setChosen] = useState<number | null>(null);
  const [look, setLook] = useState<Look>("both");
  const [zoom, setZoom] = useState(1);
  const item = items.find((one) => one.key === chosen) ?? items[0];
  if (!item)
    return (
      <div className="evidence-none">
        <p className="muted">{t("No evidence yet.")}</p>
        <AddEvidence reportId={reportId} />
      </div>
    );
  const shown = !item.original ? [item.main] : look === "both" ? [item.original, item.main] : [look === "original" ? item.original : item.main];
  const next = ZOOMS.find((step) => step > zoom) ?? 1;
  return (
    <>
      <div className="evidence-scene">
        <div className="evidence-frames" data-count={shown.length}>
          {shown.map((piece) => (
            <figure key={piece.id}>
              <Media piece={piece} zoom={zoom} onZoom={setZoom} />
              <figcaption>{told("role", piece.role)}</figcaption>
            </figure>
          ))}
        </div>
        {items.length > 1 && (
          <ul className="evidence-strip">
            {items.map((one, index) => (
              <li key={one.key}>
                <button type="button" aria-pressed={one === item} aria-label={t("Evidence {n}: {what}", { n: index + 1, what: told("role", one.main.role) })} onClick={() => { setChosen(one.key); setZoom(1); }}>
                  {one.main.type === "IMAGE" ? <Thumb picture={pictureOf(one.main.file_url, one.main)} alt="" /> : <span className="thumb">{one.main.type === "VIDEO" ? <Film size={20} aria-hidden /> : <FileText size={20} aria-hidden />}</span>}
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
      <div className="evidence-tools">
        {item.original && <Choice<Look> label={t("What is shown")} value={look} options={[["both", t("Both")], ["annotated", t("Annotated")], ["original", t("Original")]]} onChange={setLook} />}
        {item.main.type === "IMAGE" && (
          <Button onClick={() => setZoom(next)}>
            <ZoomIn size={16} aria-hidden />
            {t("{n}×", { n: number(zoom, 1) })}
          </Button>
        )}
        <AddEvidence reportId={reportId} />
      </div>
      <Custody key={item.key} pieces={item.original ? [item.original, item.main] : [item.main]} />
    </>
  );
}

function Media({ piece, zoom, onZoom }: { piece: Piece; zoom: number; onZoom(zoom: number): void }): ReactNode {
  const name = t("Evidence: {what}", { what: told("role", piece.role) });
  if (piece.type === "IMAGE") return <Viewer picture={pictureOf(piece.file_url, piece)} alt={name} zoom={zoom} onZoom={onZoom} />;
  if (piece.type === "VIDEO") return <video controls preload="metadata" src={localAddress(piece.file_url)} aria-label={name} />;
  return (
    <a className="evidence-file" href={localAddress(piece.file_url)} target="_blank" rel="noreferrer">
      <Download size={28} strokeWidth={1.5} aria-hidden />
      {piece.file_name || t("Document")}
    </a>
  );
}

/** From where each piece came, its size and hash; the hash is counted anew in this browser on request. */
function Custody({ pieces }: { pieces: readonly Piece[] }): ReactNode {
  return (
    <div className="custody">
      {pieces.map((piece) => (
        <Facts
          key={piece.id}
          items={[
            [t("What"), told("role", piece.role)],
            [t("Kept since"), <At at={piece.created_at} />],
            [t("Brought by"), piece.actor || modelOf(piece) || t("the detector")],
            [t("File"), `${piece.file_name ? `${piece.file_name} · ` : ""}${piece.mime} · ${number(piece.size / 1000)} kB`],
            ["SHA-256", <Hash piece={piece} />],
          ]}
        />
      ))}
    </div>
  );
}

function modelOf(piece: Piece): string {
  const sightings = piece.detail["sightings"];
  const best = Array.isArray(sightings) ? Math.max(0, ...sightings.map((one: unknown) => Number((one as { score?: unknown }).score ?? 0))) : 0;
  const model = String(piece.detail["model"] ?? "");
  return model && best ? t("{model}, {n} % sure", { model, n: number(100 * best) }) : model;
}

function Hash({ piece }: { piece: Piece }): ReactNode {
  const check = useMutation({
    mutationFn: async () => {
      const answer = await fetch(localAddress(piece.file_url), { credentials: "same-origin" });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await answer.arrayBuffer()));
      return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") === piece.sha256;
    },
  });
  return (
    <span className="hash">
      <Sha256 of={piece.sha256} />
      {check.data === undefined ? (
        <button type="button" className="hash-check" disabled={check.isPending} onClick={() => check.mutate()}>
          {check.error ? t("Could not be read, try again") : t("Check")}
        </button>
      ) : (
        <Badge tone={check.data ? "ok" : "bad"}>
          {check.data ? <BadgeCheck size={14} aria-hidden /> : <ShieldAlert size={14} aria-hidden />}
          {check.data ? t("unchanged") : t("does not fit")}
        </Badge>
      )}
    </span>
  );
}

function AddEvidence({ reportId }: { reportId: number }): ReactNode {
  const tell = useTell();
  const input = useRef<HTMLInputElement>(null);
  const send = useMutation({
    mutationFn: (file: File) =>
      take(
        api.POST("/api/reports/{report_id}/evidence", {
          params: { path: { report_id: reportId } },
          body: { file: file as unknown as string, client_id: crypto.randomUUID(), role: "" },
          bodySerializer: (body) => {
            const form = new FormData();
            for (const [name, value] of Object.entries(body)) form.append(name, value as unknown as Blob);
            return form;
          },
        }),
      ),
    onSuccess: () => {
      tell.ok(t("Kept as evidence."));
      announce("incidents");
    },
    onError: (error) => tell.bad(error),
  });
  return (
    <>
      <input ref={input} type="file" hidden accept="image/jpeg,image/png,video/*,application/pdf,.docx,text/plain" aria-label={t("Add evidence")} onChange={(event) => { const file = event.target.files?.[0]; event.target.value = ""; if (file) send.mutate(file); }} />
      <Button busy={send.isPending} onClick={() => input.current?.click()}>
        <Paperclip size={16} aria-hidden />
        {t("Add evidence")}
      </Button>
    </>
  );
}
