/**
 * A page that a plugin adds: a frame without an origin, and a bridge to the routes of its own plugin. What the frame
 * says is a stranger's: it may name a route, a query and a body, and nothing else.
 */
import { Puzzle } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { api, take } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { usePluginPages } from "./links.tsx";
import type { Params } from "../registry.ts";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { words } from "../../ui/toast.tsx";
import "./added.css";

const NAME = /^[a-z][a-z0-9_]{0,40}$/;
type Asked = { id: number; route: string; query: Record<string, string>; body: unknown };

export default function Added({ params }: Params): ReactNode {
  const pages = usePluginPages();
  const page = pages.data?.find((one) => one.instance === params["instance"] && one.name === params["page"]);
  if (page) return <Frame key={page.address} instance={page.instance} title={page.title} address={page.address} />;
  if (pages.error) return <Failure error={pages.error} again={() => void pages.refetch()} />;
  return pages.data ? <Empty icon={Puzzle} title={t("There is nothing at this address")} /> : <Loading rows={6} />;
}

function Frame({ instance, title, address }: { instance: string; title: string; address: string }): ReactNode {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    const hear = (event: MessageEvent) => {
      const inner = frame.current?.contentWindow;
      if (!inner || event.source !== inner || event.origin !== "null") return;
      const asked = readAsked(event.data);
      if (!asked) return;
      const { id } = asked;
      const answer = (told: { data: unknown } | { error: string }) => inner.postMessage({ id, ...told }, "*");
      ask(instance, asked).then((data) => answer({ data }), (problem: unknown) => answer({ error: words(problem) }));
    };
    addEventListener("message", hear);
    return () => removeEventListener("message", hear);
  }, [instance]);
  return <iframe ref={frame} className="added-page" title={title} src={address} sandbox="allow-scripts" referrerPolicy="no-referrer" />;
}

function readAsked(told: unknown): Asked | null {
  if (typeof told !== "object" || told === null) return null;
  const { tangkapin, id, route, query, body } = told as Record<string, unknown>;
  if (tangkapin !== 1 || typeof id !== "number" || typeof route !== "string" || !NAME.test(route)) return null;
  const pairs = typeof query === "object" && query !== null ? Object.entries(query).map(([name, value]) => [name, String(value)]) : [];
  return { id, route, query: Object.fromEntries(pairs) as Record<string, string>, body };
}

function ask(instance: string, { route, query, body }: Asked): Promise<unknown> {
  const params = { path: { instance, name: route }, query: query as never };
  if (body === undefined) return take(api.GET("/api/plugins/{instance}/routes/{name}", { params }));
  return take(api.POST("/api/plugins/{instance}/routes/{name}", { params, body: body as never }));
}
