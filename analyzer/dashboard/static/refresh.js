// Keeps the overview fresh: the same page is asked for again, and its live part put in place of the old one.
"use strict";
(() => {
  const live = document.getElementById("live");
  if (!live) return;
  const everyMs = Number(live.dataset.everyS) * 1000;
  const PATIENCE_MS = 20000;

  const refresh = async () => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), PATIENCE_MS);
    try {
      const answer = await fetch(location.href, { signal: controller.signal, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById("live");
      if (!answer.ok || !next) throw new Error("another page came");
      // What somebody reads with the keyboard stays where it is.
      if (!live.contains(document.activeElement)) live.replaceChildren(...next.childNodes);
    } catch {
      const stale = document.getElementById("stale");
      if (stale) stale.hidden = false;
    } finally {
      clearTimeout(timer);
    }
  };

  const loop = async () => {
    if (!document.hidden) await refresh();
    setTimeout(loop, everyMs);
  };
  setTimeout(loop, everyMs);
})();
