/** Which page an address shows, and to whom. */
import { Compass, ServerOff } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useRef } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { roleOf, useDoor, useSession } from "./api/session.tsx";
import { t } from "./i18n/index.ts";
import { usePreferences } from "./i18n/language.ts";
import { useLine } from "./live/live.ts";
import { useShownNotices } from "./live/notices.ts";
import { Login, LoginAgain } from "./login.tsx";
import { type Page, pagesOf } from "./pages/registry.ts";
import { Shell } from "./shell.tsx";
import { Button } from "./ui/parts.tsx";
import { Empty } from "./ui/states.tsx";

const AppLife = lazy(() => import("./app/life.tsx"));

export function App(): ReactNode {
  usePreferences();
  const door = useDoor();
  if (door.status === "asking") return <div className="door" aria-busy="true" />;
  if (door.status === "out" && !door.left) return <Login expired={door.expired} />;
  if (door.status === "unreachable")
    return (
      <main className="door">
        <div className="door-form">
          <Empty icon={ServerOff} title={t("No connection to the server")}>
            {t("The page is here, the server is not. Check the network.")}
          </Empty>
          <Button look="main" onClick={door.ask}>
            {t("Try again")}
          </Button>
        </div>
      </main>
    );
  return (
    <>
      <Inside />
      {door.status === "out" && door.left && <LoginAgain username={door.left.user.username} />}
    </>
  );
}

function Inside(): ReactNode {
  const role = roleOf(useSession());
  const pages = pagesOf(role);
  const first = pages.find((page) => !page.hidden && page.group !== "account");
  useLine();
  useShownNotices();
  useFocusOnNewPage();
  return (
    <>
      {(role === "owner" || role === "police") && (
        <Suspense fallback={null}>
          <AppLife />
        </Suspense>
      )}
      <Switch>
        {pages.map((page) => (
          <Route key={page.path} path={page.path}>
            {(params) => <Shown page={page} params={params as Record<string, string | undefined>} />}
          </Route>
        ))}
        {first && (
          <Route path="/">
            <Redirect to={first.path} replace />
          </Route>
        )}
        <Route>
          <Shell page={undefined}>
            <Empty icon={Compass} title={t("There is nothing at this address")}>
              {t("Or your role has no access to it.")}
            </Empty>
          </Shell>
        </Route>
      </Switch>
    </>
  );
}

function Shown({ page, params }: { page: Page; params: Record<string, string | undefined> }): ReactNode {
  return (
    <Shell page={page}>
      <page.Component params={params} />
    </Shell>
  );
}

/** A new page is read out and tabbed from its beginning. */
function useFocusOnNewPage(): void {
  const [path] = useLocation();
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    document.getElementById("main")?.focus({ preventScroll: true });
  }, [path]);
}
