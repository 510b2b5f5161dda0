/** Free to be sent: police begin and end their duty here, and while it lasts and this page is open it says where they are. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Moon, ShieldCheck } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { api, take } from "../api/client.ts";
import { t } from "../i18n/index.ts";
import { Button, Panel } from "../ui/parts.tsx";
import { Empty, Failure, Loading } from "../ui/states.tsx";
import { useTell } from "../ui/toast.tsx";
import { type Fix, metresBetween, usePosition } from "./position.tsx";

/** Who waits is looked for by where they were last: told again after so many metres, or so long. */
const MOVED_M = 100;
const OLD_MS = 300_000;

export function OnDuty(): ReactNode {
  const tell = useTell();
  const queries = useQueryClient();
  const me = useQuery({ queryKey: ["me"], queryFn: () => take(api.GET("/api/me")), refetchOnMount: "always" });
  const change = useMutation({
    mutationFn: (status: "available" | "offline") => take(api.PATCH("/api/me", { body: { status } })),
    onSuccess: (profile) => queries.setQueryData(["me"], profile),
    onError: (error) => tell.bad(error),
  });
  const isFree = me.data !== undefined && me.data.status !== "offline";
  const problem = useWhereabouts(isFree);
  if (!me.data) return me.error ? <Failure error={me.error} again={() => void me.refetch()} /> : <Loading rows={3} />;
  return (
    <Panel>
      {isFree ? (
        <Empty icon={ShieldCheck} title={t("No assignment")}>
          {t("You are available. A new assignment appears here and rings.")}
          {problem && <> {t("The officers do not know where you are: allow this page your position.")}</>}
        </Empty>
      ) : (
        <Empty icon={Moon} title={t("Off duty")}>{t("Nobody sends you anywhere until you begin your duty.")}</Empty>
      )}
      <div className="panel-body form">
        <Button className="big" look={isFree ? undefined : "main"} busy={change.isPending} onClick={() => change.mutate(isFree ? "offline" : "available")}>
          {isFree ? t("End duty") : t("Begin duty")}
        </Button>
      </div>
    </Panel>
  );
}

/** Say where this phone is while somebody waits with it; true when it may not be known. */
function useWhereabouts(wanted: boolean): boolean {
  const { fix, problem } = usePosition(wanted);
  const last = useRef<Fix | null>(null);
  useEffect(() => {
    if (!wanted || !fix) return;
    const before = last.current;
    if (before && fix.time - before.time < OLD_MS && metresBetween(before.at, fix.at) < MOVED_M) return;
    last.current = fix;
    void api.PATCH("/api/me", { body: { latitude: fix.at[0], longitude: fix.at[1] } }).catch(() => (last.current = before));
  }, [wanted, fix]);
  return wanted && problem === "denied";
}
