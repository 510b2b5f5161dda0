/** Who uses the page: asked once at the start, known everywhere by `useSession()`. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { api, Offline, type Schemas, take, useSessionSecrets } from "./client.ts";

export type Session = Schemas["PageSession"];
export type Role = "owner" | "officer" | "police" | "admin";
type State = { status: "asking" | "unreachable" } | { status: "out"; expired: boolean } | { status: "in"; session: Session };

type Door = State & {
  logIn(username: string, password: string): Promise<void>;
  logOut(): Promise<void>;
  changePassword(current: string, next: string): Promise<void>;
  ask(): void;
};

const Context = createContext<Door | null>(null);

export function SessionProvider({ children }: { children: ReactNode }): ReactNode {
  const [state, setState] = useState<State>({ status: "asking" });
  const queries = useQueryClient();

  const enter = useCallback((session: Session) => {
    useSessionSecrets(session.csrf_token, () => setState({ status: "out", expired: true }));
    setState({ status: "in", session });
  }, []);

  const ask = useCallback(() => {
    take(api.GET("/api/session")).then(
      (session) => (session ? enter(session) : setState({ status: "out", expired: false })),
      (error: unknown) => setState(error instanceof Offline ? { status: "unreachable" } : { status: "out", expired: false }),
    );
  }, [enter]);
  useEffect(ask, [ask]);

  const door = useMemo<Door>(
    () => ({
      ...state,
      ask,
      async logIn(username, password) {
        const session = await take(api.POST("/api/session", { body: { username, password } }));
        queries.clear();
        enter(session);
      },
      async logOut() {
        await api.DELETE("/api/session").catch(() => null);
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

/** The session of a page behind the login. */
export function useSession(): Session {
  const door = useDoor();
  if (door.status !== "in") throw new Error("not logged in");
  return door.session;
}

export const roleOf = (session: Session): Role => session.user.role.toLowerCase() as Role;
