/** Accounts of all roles: add one, shut one out, give one a new password. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { UserPlus, UserX } from "lucide-react";
import { type ReactNode, useDeferredValue, useState } from "react";
import { ApiProblem, api, done, type Schemas, take } from "../../api/client.ts";
import { useNumbered } from "../../api/lists.ts";
import { useSession } from "../../api/session.tsx";
import { t } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Ago, Badge, Button, Facts, Field, Panel } from "../../ui/parts.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { useTell, words } from "../../ui/toast.tsx";
import { ROLES, roleWords } from "../../ui/words.ts";

type Row = Schemas["UserRow"];
type Role = Row["role"];
const PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";

export default function People(): ReactNode {
  const [role, setRole] = useState<Role>("officer");
  const [text, setText] = useState("");
  const [adding, setAdding] = useState(false);
  const [open, setOpen] = useState<Row | null>(null);
  const search = useDeferredValue(text.trim());
  useLive("people");
  const list = useNumbered<Row>(["people", role, search], (page) =>
    take(api.GET("/api/admin/users", { params: { query: { role, search: search || undefined, page, limit: 50 } } })),
  );
  const columns: Column<Row>[] = [
    { name: t("Name"), wide: true, cell: (row) => <>{row.full_name || row.username}<small>{row.username}</small></> },
    { name: t("Role"), cell: (row) => roleWords(row.role) },
    { name: t("Agency"), cell: (row) => <>{row.vendor ?? t("all agencies")}{row.station && <small>{row.station}</small>}</> },
    { name: t("Reached at"), cell: (row) => <>{row.email ?? "–"}{row.phone && <small>{row.phone}</small>}</> },
    { name: t("Last login"), cell: (row) => <Ago at={row.last_login_at} /> },
    { name: t("State"), cell: (row) => <State row={row} /> },
  ];
  return (
    <div className="stack">
      <div className="toolbar toolbar-end">
        <div className="filters">
          <Field label={t("Role")}>
            {(id) => (
              <select id={id} value={role} onChange={(event) => setRole(event.target.value as Role)}>
                {ROLES.map((one) => <option key={one} value={one}>{roleWords(one)}</option>)}
              </select>
            )}
          </Field>
          <Field label={t("Name or address")}>{(id) => <input id={id} type="search" value={text} maxLength={100} autoComplete="off" onChange={(event) => setText(event.target.value)} />}</Field>
        </div>
        <Button look="main" onClick={() => setAdding(true)}><UserPlus size={16} aria-hidden />{t("Add an account")}</Button>
      </div>
      <Panel>
        <ListTable label={t("People")} columns={columns} list={list} keyOf={(row) => `${row.role} ${row.id}`} onOpen={setOpen} openLabel={(row) => t("Open {name}", { name: row.username })} empty={{ icon: UserX, title: t("Nobody fits"), text: t("Change the filters above.") }} />
      </Panel>
      {adding && <NewPerson onClose={() => setAdding(false)} />}
      {open && <PersonDialog row={open} onClose={() => setOpen(null)} />}
    </div>
  );
}

const State = ({ row }: { row: Row }): ReactNode => <Badge tone={row.is_active ? "ok" : "plain"}>{row.is_active ? t("Active") : t("Disabled")}</Badge>;

/** A password to be told once: five groups of four letters that nobody confuses. */
function freshPassword(): string {
  const random = crypto.getRandomValues(new Uint32Array(20));
  return Array.from(random, (n) => PASSWORD_LETTERS[n % PASSWORD_LETTERS.length]).join("").replace(/(.{4})(?=.)/g, "$1-");
}

function PersonDialog({ row, onClose }: { row: Row; onClose(): void }): ReactNode {
  const tell = useTell();
  const self = useSession().user;
  const [password, setPassword] = useState("");
  const change = useMutation({
    mutationFn: (body: Schemas["UserChange"]) => done(api.PATCH("/api/admin/users/{role}/{user_id}", { params: { path: { role: row.role, user_id: row.id } }, body })),
    onSuccess: (_, body) => {
      announce("people");
      if (body.password) setPassword(body.password);
      else {
        tell.ok(body.is_active ? t("{name} may log in again.", { name: row.username }) : t("{name} is shut out, everywhere and at once.", { name: row.username }));
        onClose();
      }
    },
    onError: (error) => tell.bad(error),
  });
  const own = self.role === row.role && self.id === row.id;
  return (
    <Dialog title={row.full_name || row.username} onClose={onClose} side>
      <Facts items={[[t("User name"), row.username], [t("Role"), roleWords(row.role)], [t("Agency"), row.vendor ?? t("all agencies")], [t("Station"), row.station], [t("E-mail"), row.email], [t("Telephone"), row.phone || null], [t("Last login"), <Ago at={row.last_login_at} />], [t("State"), <State row={row} />]]} />
      {password && (
        <section className="key-steps" role="status">
          <p className="review-attention">{t("This password is shown only now. Tell it to its owner, who changes it after the first login.")}</p>
          <p className="key-value"><code className="mono">{password}</code></p>
        </section>
      )}
      {!own && (
        <div className="form-end dialog-part">
          <Button busy={change.isPending} onClick={() => change.mutate({ password: freshPassword() })}>{t("New password")}</Button>
          <Button look={row.is_active ? "bad" : "main"} busy={change.isPending} onClick={() => change.mutate({ is_active: !row.is_active })}>{row.is_active ? t("Shut out") : t("Let in again")}</Button>
        </div>
      )}
    </Dialog>
  );
}

function NewPerson({ onClose }: { onClose(): void }): ReactNode {
  const tell = useTell();
  const stations = useQuery({ queryKey: ["stations"], queryFn: () => take(api.GET("/api/stations")) });
  const [order, setOrder] = useState<Schemas["UserOrder"]>({ username: "", role: "officer", password: freshPassword(), full_name: "", vendor: "", station: null, email: null, phone: null });
  const change = (some: Partial<Schemas["UserOrder"]>) => setOrder((now) => ({ ...now, ...some }));
  const add = useMutation({
    mutationFn: () => take(api.POST("/api/admin/users", { body: order })),
    onSuccess: () => {
      announce("people");
      tell.ok(t("{name} may log in.", { name: order.username }));
      onClose();
    },
  });
  const problem = add.error instanceof ApiProblem ? add.error : null;
  const vendors = [...new Set((stations.data ?? []).map((one) => one.vendor))].sort();
  const text = (name: "username" | "full_name" | "vendor" | "station" | "email" | "phone", label: string, more: Record<string, unknown> = {}) => (
    <Field label={label} error={problem?.field(name)}>
      {(id, about) => <input id={id} aria-describedby={about} autoComplete="off" maxLength={200} value={order[name] ?? ""} onChange={(event) => change({ [name]: event.target.value || (["username", "full_name", "vendor"].includes(name) ? "" : null) })} {...more} />}
    </Field>
  );
  return (
    <Dialog title={t("Add an account")} onClose={onClose} side>
      <form className="form" onSubmit={(event) => { event.preventDefault(); add.mutate(); }}>
        {text("username", t("User name"), { required: true, autoCapitalize: "none", spellCheck: false })}
        {text("full_name", t("Name"))}
        <Field label={t("Role")} error={problem?.field("role")}>
          {(id, about) => (
            <select id={id} aria-describedby={about} value={order.role} onChange={(event) => change({ role: event.target.value as Schemas["UserOrder"]["role"] })}>
              {(["officer", "police", "admin"] as const).map((one) => <option key={one} value={one}>{roleWords(one)}</option>)}
            </select>
          )}
        </Field>
        {text("vendor", t("Agency"), { list: "person-vendors", required: order.role !== "admin" })}
        <datalist id="person-vendors">{vendors.map((code) => <option key={code} value={code} />)}</datalist>
        {text("station", t("Station"), { list: "person-stations" })}
        <datalist id="person-stations">{(stations.data ?? []).map((one) => <option key={one.id} value={one.name} />)}</datalist>
        {text("email", t("E-mail"), { type: "email" })}
        {text("phone", t("Telephone"), { type: "tel", maxLength: 30 })}
        <Field label={t("First password")} hint={t("Made here; write it down now, the person changes it after the first login.")} error={problem?.field("password")}>
          {(id, about) => <input id={id} aria-describedby={about} className="mono" required minLength={12} maxLength={200} autoComplete="off" value={order.password} onChange={(event) => change({ password: event.target.value })} />}
        </Field>
        {add.error && !problem?.members["errors"] && <p className="field-error" role="alert">{words(add.error)}</p>}
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" busy={add.isPending}>{t("Add")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
