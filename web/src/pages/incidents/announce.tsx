/** A word to all officers and police on duty in the agency; national admins have none. */
import { useMutation } from "@tanstack/react-query";
import { Megaphone } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, done } from "../../api/client.ts";
import { useSession } from "../../api/session.tsx";
import { t } from "../../i18n/index.ts";
import { announce } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Button, Field } from "../../ui/parts.tsx";
import { useTell } from "../../ui/toast.tsx";

export function Announce(): ReactNode {
  const [open, setOpen] = useState(false);
  if (!useSession().user.vendor_code) return null;
  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <Megaphone size={16} aria-hidden />
        {t("Announce")}
      </Button>
      {open && <AnnounceDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function AnnounceDialog({ onClose }: { onClose(): void }): ReactNode {
  const tell = useTell();
  const [title, setTitle] = useState("");
  const [message, setMessage] = useState("");
  const [client_id] = useState(() => crypto.randomUUID()); // sent twice over a bad line, it is told once
  const send = useMutation({
    mutationFn: () => done(api.POST("/api/officer/announcement", { body: { title: title.trim(), message: message.trim(), client_id } })),
    onSuccess: () => {
      tell.ok(t("Announced to everybody on duty."));
      announce("notices");
      onClose();
    },
    onError: (error) => tell.bad(error),
  });
  return (
    <Dialog title={t("Announcement to all on duty")} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); if (title.trim() && message.trim()) send.mutate(); }}>
        <Field label={t("Title")}>{(id) => <input id={id} required maxLength={100} autoComplete="off" value={title} onChange={(event) => setTitle(event.target.value)} />}</Field>
        <Field label={t("Message")} hint={t("Officers and police of your agency read it at once; it carries your name in the audit log.")}>
          {(id, about) => <textarea id={id} aria-describedby={about} required rows={4} maxLength={500} value={message} onChange={(event) => setMessage(event.target.value)} />}
        </Field>
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" busy={send.isPending}>{t("Announce")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
