/** What dispatch has of a list: being loaded, not loaded, nothing. Adding to it does not wait for that. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { t } from "../../i18n/index.ts";
import { Failure, Loading } from "../../ui/states.tsx";

export function Known({ query, nothing, isEmpty }: { query: UseQueryResult; nothing: string; isEmpty: boolean }): ReactNode {
  if (query.data !== undefined) return isEmpty ? <p className="app-note">{nothing}</p> : null;
  if (query.fetchStatus === "paused") return <p className="app-note">{t("What was there before is shown when the network is back.")}</p>;
  return query.error ? <Failure error={query.error} again={() => void query.refetch()} /> : <Loading rows={3} />;
}
