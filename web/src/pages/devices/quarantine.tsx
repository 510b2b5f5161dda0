/** Payloads that no plugin understood: why, what came, and the decision that nothing needs to be done. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { PackageCheck } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, done, type Schemas, take } from "../../api/client.ts";
import { useList } from "../../api/lists.ts";
import { roleOf, useSession } from "../../api/session.tsx";
import { number, t } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { coded } from "../../ui/codes.ts";
import { Ago, At, Badge, Button, Choice, Facts, Field, Panel, Technical } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { useTell } from "../../ui/toast.tsx";

type Row = Schemas["QuarantineRow"];

export default function Quarantine(): ReactNode {
  const [open, setOpen] = useState(true);
  const [shown, setShown] = useState<Row | null>(null);
  useLive("quarantine");
  const list = useList<Row>(["quarantine", open], (cursor) => take(api.GET("/api/quarantine", { params: { query: { open, limit: 50, cursor } } })), { every: 15_000 });
  const columns: Column<Row>[] = [
    { name: t("Reason"), wide: true, cell: (row) => <><Badge tone={row.resolved_at ? "plain" : "warn"}>{coded("quarantined", row.kind)}</Badge><Technical>{row.reason}</Technical><Technical>{row.detail}</Technical></> },
    { name: t("Camera"), cell: (row) => row.device_code ?? "–" },
    { name: t("Plugin"), cell: (row) => row.plugin },
    { name: t("Came"), cell: (row) => <Ago at={row.created_at} /> },
    { name: t("Size"), end: true, cell: (row) => (row.size == null ? "–" : `${number(row.size / 1000, 1)} kB`) },
    { name: t("Resolution"), prose: true, cell: (row) => (row.resolution ? <Technical>{row.resolution}</Technical> : t("open")) },
  ];
  return (
    <div className="stack">
      <div className="toolbar">
        <Choice label={t("Which")} value={open ? "open" : "all"} options={[["open", t("Open")], ["all", t("All")]]} onChange={(value) => setOpen(value === "open")} />
        <p className="muted">{t("After a fix of the parser, open a payload and read it again.")}</p>
      </div>
      <Panel>
        <ListTable label={t("Quarantine")} columns={columns} list={list} keyOf={(row) => row.id} onOpen={setShown} openLabel={(row) => t("Show payload {id}", { id: row.payload_id })}
          empty={{ icon: PackageCheck, title: t("Everything that came was understood") }} />
      </Panel>
      {shown && <Raw row={shown} onClose={() => setShown(null)} />}
    </div>
  );
}

function Raw({ row, onClose }: { row: Row; onClose(): void }): ReactNode {
  const admin = roleOf(useSession()) === "admin";
  const tell = useTell();
  const [note, setNote] = useState("");
  const raw = useQuery({ queryKey: ["payload", row.id], queryFn: () => take(api.GET("/api/quarantine/{quarantine_id}/payload", { params: { path: { quarantine_id: row.id } } })) });
  const replay = useMutation({
    mutationFn: () => take(api.POST("/api/quarantine/{quarantine_id}/replay", { params: { path: { quarantine_id: row.id } } })),
    onSuccess: (came) => {
      announce("quarantine", "overview", "violations");
      if (came.outcome === "failed") return tell.bad(new Error(t("Still not understood: {note}", { note: came.note })));
      if (came.outcome === "gone") return tell.bad(new Error(t("The payload is no longer kept.")));
      tell.ok(t("Read again and now understood."));
      onClose();
    },
    onError: (error) => tell.bad(error),
  });
  const dismiss = useMutation({
    mutationFn: () => done(api.POST("/api/quarantine/{quarantine_id}/dismiss", { params: { path: { quarantine_id: row.id } }, body: { note } })),
    onSuccess: () => {
      announce("quarantine", "overview");
      tell.ok(t("Dismissed. The raw payload is kept."));
      onClose();
    },
    onError: (error) => tell.bad(error),
  });
  return (
    <Dialog title={t("Payload {id}", { id: row.payload_id })} onClose={onClose} wide>
      <div className="stack">
        <Facts items={[[t("Reason"), <>{coded("quarantined", row.kind)}<Technical>{row.reason}</Technical></>], [t("Detail"), row.detail && <Technical>{row.detail}</Technical>], [t("Came"), <At at={row.created_at} />], [t("Camera"), row.device_code], [t("Content type"), row.content_type], ["SHA-256", <span className="mono">{raw.data?.sha256 ?? "–"}</span>]]} />
        {raw.isPending ? <Loading rows={4} /> : raw.error ? <Failure error={raw.error} again={() => void raw.refetch()} /> : raw.data ? (
          <>
            <details>
              <summary>{t("Headers")}</summary>
              <Facts items={Object.entries(raw.data.headers)} />
            </details>
            <pre className="raw" tabIndex={0} aria-label={t("The raw request")}>{raw.data.text}</pre>
            {raw.data.truncated && <p className="muted">{t("Only the beginning is shown.")}</p>}
          </>
        ) : <p className="muted">{t("The payload is no longer kept.")}</p>}
        {admin && !row.resolved_at && (
          <form className="form" onSubmit={(event) => { event.preventDefault(); dismiss.mutate(); }}>
            <Field label={t("Why nothing needs to be done")}>
              {(id) => <input id={id} required minLength={3} maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />}
            </Field>
            <div className="form-end">
              <Button type="submit" busy={dismiss.isPending}>{t("Dismiss")}</Button>
              <Button look="main" busy={replay.isPending} onClick={() => replay.mutate()}>{t("Read again")}</Button>
            </div>
          </form>
        )}
      </div>
    </Dialog>
  );
}
