/**
 * Who uses the page: asked once at the start, known everywhere by `useSession()`.
 *
 * A session that ends by itself leaves the page as it is, behind the login: what was being written is still there for
 * the same person. Anybody else begins anew. Other tabs of this browser follow (one browser, one cookie).
 */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { api, Offline, type Schemas, take, useSessionSecrets } from "./client.ts";

export type Session = Schemas["PageSession"];
export type Role = "owner" | "officer" | "police" | "admin";
/** `left`: whose page lies behind the login */
type State = { status: "asking" | "unreachable" } | { status: "out"; expired: boolean; left?: Session } | { status: "in"; session: Session };

type Door = State & {
  logIn(username: string, password: string): Promise<void>;
  logOut(): Promise<void>;
  changePassword(current: string, next: string): Promise<void>;
  ask(): void;
  /** The page behind the login is given up. */
  forget(): void;
};

const Context = createContext<Door | null>(null);

const PERSON = "tangkapin.session";
const AGAIN_MS = 10_000;
const nameOf = (session: Session): string => `${session.user.role}-${session.user.id}`;

export function SessionProvider({ children }: { children: ReactNode }): ReactNode {
  const [state, setState] = useState<State>({ status: "asking" });
  const queries = useQueryClient();
  const shown = state.status === "in" ? state.session : state.status === "out" ? state.left : undefined;
  const before = useRef("");
  before.current = shown ? nameOf(shown) : "";

  const enter = useCallback(
    (session: Session) => {
      const name = nameOf(session);
      localStorage.setItem(PERSON, name);
      if (before.current && before.current !== name) {
        sessionStorage.clear();
        return location.reload(); // nothing of another person's page stays
      }
      useSessionSecrets(session.csrf_token, () => setState((now) => (now.status === "in" ? { status: "out", expired: true, left: now.session } : now)));
      setState({ status: "in", session });
      if (before.current) void queries.invalidateQueries();
      else queries.clear();
    },
    [queries],
  );

  const ask = useCallback(() => {
    take(api.GET("/api/session")).then(
      (session) => (session ? enter(session) : setState({ status: "out", expired: false })),
      (error: unknown) => setState(error instanceof Offline ? { status: "unreachable" } : { status: "out", expired: false }),
    );
  }, [enter]);
  useEffect(ask, [ask]);
  useEffect(() => {
    if (state.status !== "unreachable") return undefined;
    const timer = setInterval(ask, AGAIN_MS);
    addEventListener("online", ask);
    return () => {
      clearInterval(timer);
      removeEventListener("online", ask);
    };
  }, [ask, state.status]);
  useEffect(() => {
    const elsewhere = ({ key, newValue }: StorageEvent) => {
      if (key === PERSON && (newValue ?? "") !== (state.status === "in" ? before.current : "")) ask();
    };
    addEventListener("storage", elsewhere);
    return () => removeEventListener("storage", elsewhere);
  }, [ask, state.status]);

  const door = useMemo<Door>(
    () => ({
      ...state,
      ask,
      async logIn(username, password) {
        enter(await take(api.POST("/api/session", { body: { username, password } })));
      },
      forget() {
        queries.clear();
        setState({ status: "out", expired: true });
      },
      async logOut() {
        await api.DELETE("/api/session").catch(() => null);
        localStorage.removeItem(PERSON);
        sessionStorage.clear();
        queries.clear();
        setState({ status: "out", expired: false });
      },
      async changePassword(current_password, new_password) {
        enter(await take(api.POST("/api/session/password", { body: { current_password, new_password } })));
      },
    }),
    [state, ask, enter, queries],
  );
  return <Context value={door}>{children}</Context>;
}

export function useDoor(): Door {
  const door = useContext(Context);
  if (!door) throw new Error("outside of SessionProvider");
  return door;
}

/** The session of a page behind the login; for a page that waits behind it, the one that ended. */
export function useSession(): Session {
  const door = useDoor();
  const session = door.status === "in" ? door.session : door.status === "out" ? door.left : undefined;
  if (!session) throw new Error("not logged in");
  return session;
}

export const roleOf = (session: Session): Role => session.user.role.toLowerCase() as Role;
