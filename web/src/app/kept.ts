/** Words that are being written: they outlive another tab of the page, a reload, and a phone that puts the page away. */
import { useState } from "react";
import { useSession } from "../api/session.tsx";
import { personOf } from "./who.ts";

/** What was typed under this name, null where nothing was; setting null forgets it. Gone when the person logs out. */
export function useKept(name: string): [string | null, (text: string | null) => void] {
  const key = `tangkapin.kept.${personOf(useSession())}.${name}`;
  const [text, setText] = useState(() => sessionStorage.getItem(key));
  return [
    text,
    (next) => {
      if (next === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, next);
      setText(next);
    },
  ];
}
