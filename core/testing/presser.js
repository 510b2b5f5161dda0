// In the page, for presser.py. A control's key: "<title of the dialog> | <kind> <name>", digits as #.
window.presser ??= (() => {
  const CONTROLS = "button, a[href], select, input, textarea, summary, [role=button], .leaflet-marker-icon[tabindex]";
  const MOVES_BY_ITSELF = "time, .clock, .review-timers, .review-last, .toast[data-notice], script, style, canvas, .map-land, .map-own"; // coasts are long
  const MACHINE = "[lang=en], .mono, pre, code, kbd, script, style, .plate, video";
  const TEXTS = ["text", "search", "email", "tel", "password", "number", "url", "datetime-local", "date", "time"];
  let before = "";
  let pressed = null;
  let started = null; // where the focus was: that a press takes it there is no effect
  let last = "";
  let asking = 0; // what Playwright hears of a page with a service worker may come late

  const ask = window.fetch;
  window.fetch = async (...about) => {
    asking += 1;
    try {
      const answer = await ask(...about);
      await answer.clone().arrayBuffer();
      return answer;
    } finally {
      asking -= 1;
    }
  };

  const top = () => [...document.querySelectorAll("dialog[open], [popover]:popover-open:not(.toasts)")].at(-1) ?? null;
  const isShown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && one.getBoundingClientRect().width > 1;
  const plain = (text) => (text ?? "").replace(/\s+/g, " ").trim().replace(/\d+/g, "#").slice(0, 70);

  function kindOf(one) {
    const tag = one.tagName.toLowerCase();
    if (tag === "select") return "select";
    if (tag === "textarea" || (tag === "input" && TEXTS.includes(one.type))) return "text";
    if (tag === "input") return one.type;
    if (tag === "a") return "link";
    if (tag === "button" && one.type === "submit" && one.form) return "submit";
    return "button";
  }
  function nameOf(one) {
    const own = one.querySelector?.(":scope > .sr-only");
    return plain(one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent || one.title || one.placeholder || own?.textContent);
  }
  function keyOf(one) {
    const dialog = one.closest("dialog, [popover]");
    const place = plain(dialog?.querySelector("h2")?.textContent ?? dialog?.id ?? "");
    const kind = kindOf(one);
    if (one.matches(".row-button")) return `${place} | row`;
    if (one.matches(".leaflet-marker-icon")) return `${place} | mark ${one.firstElementChild?.className ?? ""}`;
    const cell = one.closest("td");
    const isPolice = ["radio", "submit"].includes(kind) && one.form.querySelector(".free"); // who is nearest changes
    const group = isPolice ? "police" : nameOf(one);
    return `${place} | ${kind} ${cell ? `${plain(cell.dataset.name)}: ` : ""}${group}`;
  }
  function all(scope) {
    const root = top() ?? document;
    return [...root.querySelectorAll(CONTROLS)].filter((one) => {
      if (!top() && !one.closest(scope)) return false;
      if (one.closest(".toasts, a.skip") || one.matches("a.skip") || !isShown(one)) return false;
      if (one.disabled || one.getAttribute("aria-disabled") === "true" || one.matches(".leaflet-disabled")) return false;
      if (one.getAttribute("aria-current") === "page" || (one.matches("[aria-pressed=true]") && one.closest(".choice, ul"))) return false;
      return !(one.matches("a[href^='tel:']") && /^tel:\+?\d{3,}$/.test(one.getAttribute("href"))) && !(one.type === "radio" && one.checked);
    });
  }
  function find(scope, key, row) {
    const found = all(scope).filter((one) => keyOf(one) === key);
    return (row && found.find((one) => (one.closest("tr, li") ?? one).textContent.includes(row))) || found[0] || null;
  }
  function look() {
    const said = [location.href, document.documentElement.lang, document.documentElement.dataset.theme ?? ""];
    const walk = (node) => {
      for (const one of node.children) {
        if (one.matches(MOVES_BY_ITSELF)) continue;
        said.push(one.tagName);
        for (const { name, value } of one.attributes) if (name !== "id" && !name.startsWith("aria-describedby")) said.push(name, value);
        if ("value" in one && one.tagName !== "LI" && (one !== pressed || one.form)) said.push(String(one.value)); // a filter must filter
        if ("checked" in one) said.push(String(one.checked));
        if (one.hasAttribute("popover") && !one.matches(".toasts")) said.push(String(one.matches(":popover-open")));
        for (const child of one.childNodes) if (child.nodeType === 3) said.push(child.data);
        walk(one);
      }
    };
    walk(document.body);
    const focus = document.activeElement;
    if (focus && ![document.body, pressed, started].includes(focus) && !pressed?.contains(focus)) said.push("focus", focus.tagName, focus.id, focus.className);
    return said.join("\u0001");
  }
  return {
    kindOf,
    controls: (scope) => [...new Set(all(scope).map(keyOf))],
    find,
    remember: (scope, key, row) => {
      pressed = find(scope, key, row);
      started = document.activeElement;
      before = look();
    },
    differs: () => look() !== before,
    isOpen: () => top() !== null,
    isStill: () => {
      const now = look();
      const isSame = now === last;
      last = now;
      return isSame && !asking && !document.querySelector(".loading, [aria-busy=true]") && !document.getAnimations().some((one) => one instanceof CSSTransition);
    },
    clear: () => document.querySelectorAll(".toasts button").forEach((one) => one.click()),
    bad: () => [...document.querySelectorAll(".toast-bad:not([data-notice]), .state-bad, .field-error")].filter(isShown).map((one) => one.textContent).join("; "),
    choose: (one) => {
      const options = [...one.options].filter((option) => !option.disabled && option.value !== one.value);
      const setter = Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set;
      if (options.length) setter.call(one, options[0].value);
      one.dispatchEvent(new Event("change", { bubbles: true }));
    },
    empty: (button) => [...button.form.elements].filter((one) => one.required && (one.type === "radio" ? !button.form.elements[one.name].value && one === button.form.querySelector(`[name="${one.name}"]`) : !one.value || !one.validity.valid)),
    field: (one) => ({
      type: one.type,
      label: plain(one.labels?.[0]?.textContent),
      longest: one.maxLength > 0 ? one.maxLength : 1000,
      offered: one.list?.options[0]?.value ?? (one.pattern ? one.placeholder : ""),
    }),
    texts: () => {
      if (document.documentElement.lang !== "id") return [];
      const found = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const text = walker.currentNode.data.trim();
        const owner = walker.currentNode.parentElement;
        if (text && !owner.closest(MACHINE) && (owner.closest("option") || isShown(owner))) found.push(text);
      }
      for (const one of document.querySelectorAll("[aria-label], [title], [placeholder]"))
        if (!one.closest(MACHINE)) for (const name of ["aria-label", "title", "placeholder"]) if (one.getAttribute(name)) found.push(one.getAttribute(name));
      return [...new Set(found)];
    },
  };
})();
