// Keeps the live page up to date: the server says when something is new, and what somebody reads stays where it is.
"use strict";
(() => {
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  if (!live || !connection) return;
  const query = live.dataset.query;
  const address = (path, more = "") => `${path}?${[query, more].filter(Boolean).join("&")}`;

  const say = (text) => {
    connection.textContent = text;
    connection.classList.toggle("lost", Boolean(text));
  };

  // An element is found again by its id, else by its place below the nearest one that has an id, or the root.
  const place = (element, root) => {
    const path = [];
    let top = element;
    for (; top !== root && !top.id; top = top.parentElement) path.unshift([...top.parentElement.children].indexOf(top));
    return { id: top === root ? "" : top.id, path };
  };
  const at = ({ id, path }, root) => {
    const top = id ? document.getElementById(id) : root;
    return path.reduce((element, index) => element?.children[index], top);
  };

  // What is above the eye may grow or shrink: what the eye is on stays where it is.
  const anchored = (change) => {
    const fixed = [...live.querySelectorAll("[id]")].find((element) => {
      const box = element.getBoundingClientRect();
      return box.height > 0 && box.height < 2 * innerHeight && box.bottom > 0;
    });
    const id = scrollY > 0 && fixed ? fixed.id : "";
    const before = id ? fixed.getBoundingClientRect().top : 0;
    change();
    const after = id ? document.getElementById(id)?.getBoundingClientRect().top : undefined;
    if (after !== undefined && Math.abs(after - before) >= 1) scrollBy(0, after - before);
  };

  const HELD_MS = 20000;
  // A switch that waits for its second press stays in place, for a while: another's must not come under the finger.
  const isHeld = (root) => {
    const asked = root.querySelector("details.confirm[open]");
    if (!asked) return root.querySelector("form button:active") !== null;
    asked.dataset.sinceMs ??= String(Date.now());
    asked.open = Date.now() - Number(asked.dataset.sinceMs) < HELD_MS;
    return asked.open;
  };
  const isSelected = (root) => {
    const chosen = getSelection();
    return chosen !== null && !chosen.isCollapsed && root.contains(chosen.anchorNode);
  };

  const swap = (root, html) => {
    if (!root || root.innerHTML === html) return;
    root.classList.toggle("held", isSelected(root)); // and says so
    if (root.classList.contains("held") || isHeld(root)) return;
    const open = [...root.querySelectorAll("details")].map((element) => [place(element, root), element.open]);
    const aside = [...root.querySelectorAll(".scroll")].filter((e) => e.scrollLeft > 0).map((e) => [place(e, root), e.scrollLeft]);
    const focused = root.contains(document.activeElement) ? place(document.activeElement, root) : null;
    root.innerHTML = html;
    for (const [path, isOpen] of open) {
      const element = at(path, root);
      if (element instanceof HTMLDetailsElement) element.open = isOpen;
    }
    for (const [path, left] of aside) {
      const element = at(path, root);
      if (element) element.scrollLeft = left;
    }
    if (focused) at(focused, root)?.focus({ preventScroll: true });
    localTimes(root);
  };

  // Times are UTC; the viewer's own stand in the title.
  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.getAttribute("datetime").replace(" UTC", "Z").replace(" ", "T"));
      if (!Number.isNaN(moment.getTime())) time.title = `${moment.toLocaleString()} here`;
    }
  };

  let isFetching = false;
  let isWanted = false;
  const renew = async () => {
    isWanted = true;
    if (isFetching) return;
    isFetching = true;
    try {
      while (isWanted) {
        isWanted = false;
        const answer = await fetch(address("/live/fragment"), { headers: { Accept: "text/html" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const found = new DOMParser().parseFromString(await answer.text(), "text/html");
        anchored(() => {
          for (const id of ["decisions", "study"]) {
            const part = found.getElementById(id);
            if (part) swap(document.getElementById(id), part.innerHTML);
          }
        });
        live.dataset.version = answer.headers.get("X-Version") ?? live.dataset.version;
      }
      say("");
    } catch {
      say("This page could not be brought up to date; it tries again.");
    } finally {
      isFetching = false;
    }
  };

  let source = null;
  let lostSince = null;
  const listen = () => {
    const own = new EventSource(address("/live/events", `after=${live.dataset.version}`));
    source = own;
    own.addEventListener("open", () => {
      lostSince = null;
      say("");
    });
    own.addEventListener("study", renew);
    own.addEventListener("recent", (event) => {
      const { html } = JSON.parse(event.data);
      anchored(() => swap(document.getElementById("strip"), html));
    });
    own.addEventListener("error", () => {
      lostSince ??= new Date();
      say(`Not up to date: no answer since ${lostSince.toLocaleTimeString()}. It tries again.`);
      if (own.readyState !== EventSource.CLOSED) return;
      setTimeout(() => {
        if (source === own) listen();
      }, 5000);
    });
  };
  // A page that nobody sees costs nothing.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (!source) {
      listen();
      renew();
    }
  });
  localTimes(document);
  if (!document.hidden) listen();
})();
